import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AppendRecord, LogRecord } from '#contract/log-record.ts';
import { type BatchChunk, ChunkCursor, filterBatch, RecordBatchBuilder, splitBatch } from './record-batch.ts';

const anyRecord: fc.Arbitrary<AppendRecord> = fc.record({
  topic: fc.constant('t'),
  key: fc.string({ unit: 'grapheme' }),
  value: fc.option(fc.uint8Array({ maxLength: 6_000 })),
  headers: fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 4 }),
});

const pack = (records: readonly AppendRecord[]): Uint8Array<ArrayBuffer> => {
  const builder = new RecordBatchBuilder();
  for (const record of records) builder.add(record);
  return builder.build();
};

/** Batches of the given sizes, one behind the other, with a hole of ten offsets between them. */
const chunkOf = (batches: readonly (readonly AppendRecord[])[]): BatchChunk => {
  const payloads = batches.map(pack);
  let baseOffset = -10;
  return {
    payload: new Uint8Array(Buffer.concat(payloads)),
    batches: batches.map((records, i) => {
      baseOffset += 10 + (batches[i - 1]?.length ?? 0);
      return {
        baseOffset,
        records: records.length,
        timestamp: 1_000 + i,
        byteLength: payloads[i]?.length ?? 0,
      };
    }),
  };
};

const plain = (record: AppendRecord | LogRecord) => ({
  key: String(record.key),
  value: record.value && Buffer.from(record.value).toString('hex'),
  headers: Object.entries(record.headers),
});

const drain = (cursor: ChunkCursor, maxRecords = 7, maxBytes = Infinity): LogRecord[][] => {
  const all: LogRecord[][] = [];
  for (
    let next = cursor.next(maxRecords, maxBytes);
    next.length > 0;
    next = cursor.next(maxRecords, maxBytes)
  )
    all.push(next);
  return all;
};

describe('record batch', () => {
  test('any records come back as they were, with their offsets and the time of their batch', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), { maxLength: 5 }),
        (batches) => {
          const records = drain(new ChunkCursor('t', chunkOf(batches), 0)).flat();
          expect(records.map(plain)).toEqual(batches.flat().map(plain));
          const offsets = chunkOf(batches).batches.flatMap((b) =>
            Array.from({ length: b.records }, (_, i) => b.baseOffset + i),
          );
          expect(records.map((r) => r.offset)).toEqual(offsets);
          expect(records.map((r) => r.timestamp)).toEqual(batches.flatMap((b, i) => b.map(() => 1_000 + i)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a cursor starts at any offset, also in the middle of a batch or in a hole', () => {
    const batch = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ topic: 't', key: `${i}`, value: null, headers: {} }));
    const chunk = chunkOf([batch(5), batch(3), batch(4)]);
    const all = drain(new ChunkCursor('t', chunk, 0))
      .flat()
      .map((r) => r.offset);
    for (let from = 0; from < 40; from++) {
      expect(
        drain(new ChunkCursor('t', chunk, from))
          .flat()
          .map((r) => r.offset),
      ).toEqual(all.filter((o) => o >= from));
    }
  });

  test('a batch is bounded by records and by bytes, and a larger record comes alone', () => {
    const sizes = [10, 10, 50, 10, 10, 10, 10];
    const records = sizes.map((size) => ({ topic: 't', key: 'k', value: new Uint8Array(size), headers: {} }));
    const lengths = drain(new ChunkCursor('t', chunkOf([records]), 0), 3, 25).map((b) =>
      b.map((r) => r.value?.length),
    );
    expect(lengths).toEqual([[10, 10], [50], [10, 10], [10, 10]]);
    expect(drain(new ChunkCursor('t', chunkOf([records]), 0), 3).map((b) => b.length)).toEqual([3, 3, 1]);
  });

  test('splitting and filtering keep the bytes of each record', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 20 }), (records) => {
        const split = splitBatch(pack(records));
        expect(split.map(({ key }) => Buffer.from(key).toString())).toEqual(
          records.map((r) => Buffer.from(r.key).toString()),
        );
        expect(split.map(({ isTombstone }) => isTombstone)).toEqual(records.map((r) => r.value === null));
        expect(Buffer.concat(split.map(({ payload }) => payload))).toEqual(Buffer.from(pack(records)));
        const odd = filterBatch(pack(records), (index) => index % 2 === 1);
        expect(Buffer.from(odd)).toEqual(Buffer.from(pack(records.filter((_, index) => index % 2 === 1))));
      }),
      { numRuns: 60 },
    );
  });

  test('damaged bytes are a RangeError, whatever they are', () => {
    const chunk = chunkOf([[{ topic: 't', key: 'key', value: Buffer.from('value'), headers: {} }]]);
    for (const at of [3, 7, 11]) {
      const payload = Uint8Array.from(chunk.payload);
      payload[at] = 0x7f;
      expect(() => drain(new ChunkCursor('t', { ...chunk, payload }, 0))).toThrow(RangeError);
    }
  });
});
