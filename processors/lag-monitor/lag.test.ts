import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PartitionProgress } from '#event-log/event-log.ts';
import { type Look, lagAt, lookOf } from './lag.ts';

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

/** Of clocks that agree, the monotonic one having begun at the epoch. */
const seen = (at: number, partitions: readonly PartitionProgress[], last?: Look): Look =>
  lookOf({ at, atMonotonic: at }, partitions, last);

describe('[P7] the lag of a partition', () => {
  test('in records is what the log says that a consumer could still read, whatever the offsets are', () => {
    const partitions = [progress({ endOffset: 10, committedOffset: 3, backlog: 2 })];
    expect(lagAt(0, seen(0, partitions), undefined)[0]?.records).toBe(2);
  });

  const T = 1_764_000_000_000;
  const behind = progress({ endOffset: 10, committedOffset: 3, backlog: 7, backlogSince: T });
  const secondsAt = (now: number, at: number, before?: PartitionProgress): number | undefined => {
    const last = before && seen(at - 5_000, [before]);
    return lagAt(now - at, seen(at, [behind], last), last)[0]?.seconds;
  };

  test('in seconds is the age of the oldest uncommitted record when it was looked at', () => {
    expect(secondsAt(T + 7_000, T + 7_000)).toBe(7);
    const done = seen(T, [progress({ endOffset: 3, committedOffset: 3 })]);
    expect(lagAt(0, done, undefined)[0]?.seconds).toBe(0);
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

  /** @param skewMs how far our clock is ahead of that of the log */
  const looksWith = (skewMs: number, looks: readonly PartitionProgress[]): (number | undefined)[] => {
    let last: Look | undefined;
    return looks.map((each, index) => {
      const passedMs = 60_000 + 5_000 * index;
      const look = lookOf({ at: T + skewMs + passedMs, atMonotonic: passedMs }, [each], last);
      const seconds = lagAt(0, look, last)[0]?.seconds;
      last = look;
      return seconds;
    });
  };
  const HOUR_MS = 3_600_000;

  test('of a group that stands still grows also where our clock is an hour behind that of the log', () => {
    expect(looksWith(-HOUR_MS, [behind, behind, behind, behind])).toEqual([0, 5, 10, 15]);
    const moved = { ...behind, committedOffset: 5 };
    expect(looksWith(-HOUR_MS, [behind, behind, moved, moved])).toEqual([0, 5, 0, 5]);
  });

  test('of a group that keeps up is small also where our clock is an hour ahead of that of the log', () => {
    const ahead = [10, 20, 30].map((endOffset) => ({ ...behind, committedOffset: endOffset - 5, endOffset }));
    expect(looksWith(HOUR_MS, ahead)).toEqual([3_660, 5, 5]);
    expect(looksWith(0, ahead).at(-1)).toBe(5);
  });

  /** One look every five seconds; what is held back at each. */
  const heldBackAt = (looks: readonly PartitionProgress[]) => {
    let last: Look | undefined;
    return looks.map((each, index) => {
      const look = seen(5_000 * index, [each], last);
      const lag = lagAt(1_000, look, last)[0];
      last = look;
      return lag?.heldBack;
    });
  };

  test('leaves out what is held back, which is told with the time that the end was seen to stand before it', () => {
    const held = (heldBack: number, endOffset = 10) => progress({ endOffset, heldBack });
    expect(heldBackAt([held(0), held(4), held(6), held(9), held(0, 19), held(2, 19)])).toEqual([
      { records: 0, seconds: 0 },
      { records: 4, seconds: 1 },
      { records: 6, seconds: 6 },
      { records: 9, seconds: 11 },
      { records: 0, seconds: 0 },
      { records: 2, seconds: 1 },
    ]);
    // Transactions that are over in time, one after the other.
    expect(heldBackAt([held(5, 10), held(5, 20), held(5, 30)]).map((each) => each?.seconds)).toEqual([
      1, 1, 1,
    ]);
    expect(heldBackAt([progress()])).toEqual([undefined]);
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
      fc.property(any, fc.nat(), fc.nat(), fc.boolean(), (values, passedMs, at, again) => {
        const last = again ? lookOf({ at, atMonotonic: 0 }, [progress(values)], undefined) : undefined;
        const look = lookOf({ at, atMonotonic: 5_000 }, [progress(values)], last);
        const [lag] = lagAt(passedMs, look, last);
        expect(lag?.records).toBeGreaterThanOrEqual(0);
        expect(lag?.seconds).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
