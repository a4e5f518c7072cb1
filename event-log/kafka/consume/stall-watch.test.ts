import { describe, expect, test } from 'vitest';
import { StallWatch } from './stall-watch.ts';

const at = (partition: number, committedOffset: number, endOffset: number) => ({
  partition,
  committedOffset,
  endOffset,
  oldestOffset: 0,
  backlog: endOffset - Math.max(0, committedOffset),
  backlogSince: null,
});
const BOTH = new Set([0, 1]);

describe('[P7] stall watch', () => {
  test('a partition with records that does not move for the whole time has stalled', () => {
    const watch = new StallWatch(60_000);
    expect(watch.look(0, BOTH, [at(0, 5, 9), at(1, 3, 3)])).toEqual([]);
    expect(watch.look(59_000, BOTH, [at(0, 5, 100), at(1, 3, 3)])).toEqual([]);
    expect(watch.look(60_000, BOTH, [at(0, 5, 200), at(1, 3, 3)])).toEqual([0]);
  });

  test('a group that never committed stands at the oldest record', () => {
    const watch = new StallWatch(10);
    watch.look(0, BOTH, [at(0, -1, 1)]);
    expect(watch.look(10, BOTH, [at(0, -1, 1)])).toEqual([0]);
  });

  test.each([
    ['it moved', [at(0, 6, 9)], BOTH],
    ['it caught up', [at(0, 9, 9)], BOTH],
    ['another member has it', [at(0, 5, 9)], new Set([1])],
    ['nothing of the rest can be read', [{ ...at(0, 5, 9), backlog: 0 }], BOTH],
  ])('not when %s', (_, progress, assigned) => {
    const watch = new StallWatch(60_000);
    watch.look(0, BOTH, [at(0, 5, 9)]);
    expect(watch.look(61_000, assigned, progress)).toEqual([]);
  });

  test('a busy handler starts the time anew', () => {
    const watch = new StallWatch(60_000);
    watch.look(0, BOTH, [at(0, 5, 9)]);
    watch.reset();
    expect(watch.look(61_000, BOTH, [at(0, 5, 9)])).toEqual([]);
    expect(watch.look(121_000, BOTH, [at(0, 5, 9)])).toEqual([0]);
  });
});
