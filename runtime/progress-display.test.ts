import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createProgressDisplay } from './progress-display.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function stderr(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80, rows: 24 });
  return { stream, written: () => String(stream.read() ?? '') };
}

it('is a line every five seconds where there is no terminal, and nothing when quiet', () => {
  for (const quiet of [false, true]) {
    const { stream, written } = stderr(false);
    using display = createProgressDisplay(stream, quiet);
    for (let second = 0; second < 12; second++) {
      display.show(`${second} s`, undefined);
      vi.advanceTimersByTime(1_000);
    }
    expect(written()).toBe(quiet ? '' : '5 s\n10 s\n');
  }
});

it('leaves a terminal alone when all is over in half a second, and is disposed of once', () => {
  const { stream, written } = stderr(true);
  const display = createProgressDisplay(stream, false);
  display.show('early', 0.1);
  display[Symbol.dispose]();
  expect(written()).toBe('');

  const longer = createProgressDisplay(stream, false);
  vi.advanceTimersByTime(600);
  longer.show('half', 0.5);
  expect(written()).toContain('50 % · half');
  longer[Symbol.dispose]();
  written();
  longer[Symbol.dispose]();
  expect(written()).toBe('');
});
