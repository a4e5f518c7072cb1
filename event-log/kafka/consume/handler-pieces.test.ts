import { expect, test } from 'vitest';
import { handlerPieces } from './handler-pieces.ts';

const records = (...sizes: (number | null)[]) =>
  sizes.map((size, offset) => ({
    topic: 't',
    partition: 0,
    offset,
    key: null,
    value: size === null ? null : Buffer.alloc(size),
    headers: {},
    timestamp: 0,
  }));
const split = (sizes: (number | null)[], maxBatchRecords: number, maxBatchBytes: number) =>
  [...handlerPieces(records(...sizes), { maxBatchRecords, maxBatchBytes })].map((piece) =>
    piece.map(({ value }) => value?.length ?? null),
  );

test('cuts at the number of records and at the bytes of values, in order', () => {
  expect(split([1, 1, 1, 1, 1], 2, 100)).toEqual([[1, 1], [1, 1], [1]]);
  expect(split([60, 40, 1, null, 99, 1], 100, 100)).toEqual([[60, 40], [1, null, 99], [1]]);
});

test('a record that is larger than a batch comes alone', () => {
  expect(split([10, 500, 10, 500], 100, 100)).toEqual([[10], [500], [10], [500]]);
});

test('nothing makes no batch', () => {
  expect(split([], 10, 10)).toEqual([]);
});
