import { expect, test } from 'vitest';
import { compareCounts } from './compare-counts.ts';

const value = (measurement: string, field: string, count: number, tag?: string) => ({
  measurement,
  field,
  tag,
  count,
});

test('counts stand beside each other, by measurement, field and tag', () => {
  const theirs = [value('m', 'temp', 3, 'b'), value('m', 'temp', 5, 'a'), value('m', 'hum', 1, 'a')];
  const ours = [value('m', 'temp', 4, 'a'), value('m', 'press', 2, 'a'), value('m', 'temp', 1, 'a')];
  expect(compareCounts(theirs, ours)).toEqual([
    { measurement: 'm', field: 'hum', tag: 'a', theirs: 1, ours: 0 },
    { measurement: 'm', field: 'press', tag: 'a', theirs: 0, ours: 2 },
    { measurement: 'm', field: 'temp', tag: 'a', theirs: 5, ours: 5 },
    { measurement: 'm', field: 'temp', tag: 'b', theirs: 3, ours: 0 },
  ]);
});

test('what only our points have is not compared, unless its measurement is asked for', () => {
  const ours = [value('m', 'schemaVersion', 9), value('m', 'seq', 9), value('n', 'temp', 2)];
  expect(compareCounts([value('m', 'temp', 1)], ours)).toEqual([
    { measurement: 'm', field: 'temp', tag: undefined, theirs: 1, ours: 0 },
  ]);
  expect(compareCounts([], ours, ['n'])).toHaveLength(1);
});
