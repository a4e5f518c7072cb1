import { afterEach, describe, expect, it, vi } from 'vitest';
import { LiveStatus, statusLine } from '#standalone/status-line.ts';

describe('status line', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells rates between two moments', () => {
    const before = {
      atMs: 0,
      connectedDevices: 1,
      decodedReadings: 0,
      storedReadings: 1000,
      deadLetters: 0,
      lagRecords: 0,
    };
    const now = {
      atMs: 2000,
      connectedDevices: 25,
      decodedReadings: 4000,
      storedReadings: 3000,
      deadLetters: 3,
      lagRecords: 12,
    };
    expect(statusLine(before, now)).toBe(
      '25 devices · in 2,000/s · stored 1,000/s · 3,000 stored · 3 dead letters · lag 12',
    );
  });

  it('is redrawn below each log line, and never wraps', () => {
    vi.useFakeTimers();
    const shown: string[] = [];
    using live = new LiveStatus(
      { isTTY: true, columns: 6, write: (text) => shown.push(text) },
      () => 'status',
    );
    vi.advanceTimersByTime(1000);
    live.write('log\n');
    expect(shown.join('').replaceAll('\u001b[2K', '')).toBe('\rstatu\rlog\n\rstatu');
  });

  it('leaves a pipe to the logs', () => {
    vi.useFakeTimers();
    const shown: string[] = [];
    using live = new LiveStatus({ write: (text) => shown.push(text) }, () => 'status');
    vi.advanceTimersByTime(5000);
    live.write('log\n');
    expect(shown).toEqual(['log\n']);
  });
});
