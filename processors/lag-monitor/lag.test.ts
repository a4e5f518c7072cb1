import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PartitionProgress } from '#event-log/event-log.ts';
import { lagAt } from './lag.ts';

function progress(values: Partial<PartitionProgress> = {}): PartitionProgress {
  return {
    partition: 0,
    oldestOffset: 0,
    endOffset: 0,
    committedOffset: -1,
    backlog: 0,
    backlogSince: null,
    ...values,
  };
}

describe('[P7] the lag of a partition', () => {
  test('in records is what the log says that a consumer could still read, whatever the offsets are', () => {
    const partitions = [progress({ endOffset: 10, committedOffset: 3, backlog: 2 })];
    expect(lagAt(0, { at: 0, partitions }, undefined)[0]?.records).toBe(2);
  });

  const T = 1_764_000_000_000;
  const behind = progress({ endOffset: 10, committedOffset: 3, backlogSince: T });
  const secondsAt = (now: number, at: number, before?: PartitionProgress): number | undefined =>
    lagAt(now, { at, partitions: [behind] }, before && { at: at - 5_000, partitions: [before] })[0]?.seconds;

  test('in seconds is the age of the oldest uncommitted record when it was looked at', () => {
    expect(secondsAt(T + 7_000, T + 7_000)).toBe(7);
    expect(
      lagAt(T, { at: T, partitions: [progress({ endOffset: 3, committedOffset: 3 })] }, undefined)[0]
        ?.seconds,
    ).toBe(0);
  });

  test('in seconds grows second by second between looks while the group stands still', () => {
    for (const passed of [0, 1_000, 2_000, 4_900]) {
      expect(secondsAt(T + 60_000 + passed, T + 60_000, behind)).toBe(60 + passed / 1000);
    }
  });

  test('in seconds stays as it was seen while the group makes progress', () => {
    expect(secondsAt(T + 64_000, T + 60_000, { ...behind, committedOffset: 2 })).toBe(60);
    expect(secondsAt(T + 64_000, T + 60_000)).toBe(60);
  });

  test('is never negative, whatever the clocks say', () => {
    const any = fc.record({
      oldestOffset: fc.nat(),
      endOffset: fc.nat(),
      committedOffset: fc.integer({ min: -1 }),
      backlog: fc.nat(),
      backlogSince: fc.option(fc.nat()),
    });
    fc.assert(
      fc.property(any, fc.nat(), fc.nat(), fc.boolean(), (values, now, at, again) => {
        const look = { at, partitions: [progress(values)] };
        const [lag] = lagAt(now, look, again ? look : undefined);
        expect(lag?.records).toBeGreaterThanOrEqual(0);
        expect(lag?.seconds).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
