import { describe, expect, it } from 'vitest';
import { createWorthALine } from './worth-a-line.ts';

describe('worth a line', () => {
  it('an event is, once in ten seconds', () => {
    let now = 0;
    const worthALine = createWorthALine(() => now);
    expect([worthALine('a'), worthALine('a'), worthALine('b')]).toEqual([true, false, true]);
    now = 9_999;
    expect(worthALine('a')).toBe(false);
    now = 10_000;
    expect(worthALine('a')).toBe(true);
    expect(worthALine('a')).toBe(false);
  });

  it('remembers a bounded number of events', () => {
    const worthALine = createWorthALine(() => 0);
    for (let i = 0; i < 1_000; i++) worthALine(`event ${i}`);
    expect(worthALine('event 0')).toBe(false);
    worthALine('one more');
    expect(worthALine('event 0')).toBe(true);
  });
});
