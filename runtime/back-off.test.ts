import { describe, expect, it } from 'vitest';
import { BackOff } from './back-off.ts';

const options = { free: 2, firstWaitMs: 100, longestWaitMs: 300, forgetMs: 1_000, capacity: 10 };

function backOff() {
  const clock = { now: 0 };
  return { clock, backOff: new BackOff(options, () => clock.now) };
}

describe('a back-off', () => {
  it('costs nothing at first, then twice as much each time, up to a bound', () => {
    const { backOff: it } = backOff();
    const waits = Array.from({ length: 6 }, () => {
      it.failed('a');
      return it.waitMs('a');
    });
    expect(waits).toEqual([0, 0, 100, 200, 300, 300]);
    expect(it.waitMs('b')).toBe(0);
  });

  it('ends with time, and is forgotten when nothing failed for long', () => {
    const { clock, backOff: it } = backOff();
    for (let i = 0; i < 3; i++) it.failed('a');
    clock.now = 60;
    expect(it.waitMs('a')).toBe(40);
    clock.now = 100;
    expect(it.waitMs('a')).toBe(0);
    clock.now = 1_001;
    it.failed('a');
    expect(it.waitMs('a')).toBe(0);
  });

  it('is forgotten by name, and where it is the oldest of too many', () => {
    const { backOff: it } = backOff();
    for (const key of ['a', 'b']) for (let i = 0; i < 3; i++) it.failed(key);
    it.forget('a');
    expect([it.waitMs('a'), it.waitMs('b')]).toEqual([0, 100]);
    it.forgetThose((key) => key === 'b');
    expect(it.waitMs('b')).toBe(0);
    for (let i = 0; i < 3; i++) it.failed('old');
    for (let i = 0; i < options.capacity; i++) it.failed(`new-${i}`);
    expect(it.waitMs('old')).toBe(0);
  });
});
