import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BacklogSearch } from './backlog-search.ts';

const NOW = 1_764_000_000_000;

/** Timestamps of a partition, oldest first; the broker's answer to "first record since". */
function search(timestamps: readonly number[], firstOffset: number, target: number) {
  const search = new BacklogSearch(target, NOW);
  let questions = 0;
  for (let asked = search.next(); asked !== undefined; asked = search.next()) {
    questions++;
    if (questions > 100) throw new Error('does not end');
    const since = asked;
    const index = timestamps.findIndex((timestamp) => timestamp >= since);
    search.learn(
      asked,
      index < 0
        ? { offset: -1, timestamp: -1 }
        : { offset: firstOffset + index, timestamp: timestamps[index] ?? 0 },
    );
  }
  return { result: search.result, questions };
}

test('[P7] within a second or a tenth of the age, in few questions, for any partition', () => {
  const ages = fc.array(fc.oneof(fc.nat(7 * 86_400_000), fc.nat(60_000), fc.constant(5_000)), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(
      ages,
      fc.nat(1_000_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (ages, firstOffset, at) => {
        const timestamps = ages.map((age) => NOW - age).sort((a, b) => a - b);
        const index = Math.floor(at * timestamps.length);
        const { result, questions } = search(timestamps, firstOffset, firstOffset + index);
        const actual = timestamps[index] ?? 0;
        expect(Math.abs((result ?? 0) - actual)).toBeLessThanOrEqual(Math.max(1_000, 0.1 * (NOW - actual)));
        expect(questions).toBeLessThanOrEqual(12);
      },
    ),
  );
});

test('a group that never committed takes one question', () => {
  expect(search([NOW - 500_000, NOW - 1_000], 42, 42)).toEqual({ result: NOW - 500_000, questions: 1 });
});

test('records of a broker whose clock is ahead are found', () => {
  expect(search([NOW - 10_000, NOW + 30_000], 0, 1).result).toBeGreaterThan(NOW - 1_000);
});

test('ends when retention removed the records meanwhile', () => {
  expect(search([], 0, 5).result).toBeNull();
  expect(search([NOW - 1_000], 100, 5).result).toBe(NOW - 1_000);
});
