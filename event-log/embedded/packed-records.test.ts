import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AppendRecord, LogRecord } from '#contract/log-record.ts';
import { type BatchChunk, ChunkCursor } from './chunk-cursor.ts';
import { keepRecords, RecordPacker, unpackRecords } from './packed-records.ts';

const anyRecord: fc.Arbitrary<AppendRecord> = fc.record({
  topic: fc.constant('t'),
  key: fc.string({ unit: 'grapheme' }),
  value: fc.option(fc.uint8Array({ maxLength: 6_000 })),
  headers: fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 4 }),
});

const pack = (records: readonly AppendRecord[]): Uint8Array<ArrayBuffer> => {
  const builder = new RecordPacker();
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

describe('packed records', () => {
  test('any records come back as they were, with their offsets and the time of their batch', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), { maxLength: 5 }),
        (batches) => {
          const records = drain(new ChunkCursor('t', chunkOf(batches), 0, 'file')).flat();
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
    const all = drain(new ChunkCursor('t', chunk, 0, 'file'))
      .flat()
      .map((r) => r.offset);
    for (let from = 0; from < 40; from++) {
      expect(
        drain(new ChunkCursor('t', chunk, from, 'file'))
          .flat()
          .map((r) => r.offset),
      ).toEqual(all.filter((o) => o >= from));
    }
  });

  test('a batch is bounded by records and by bytes, and a larger record comes alone', () => {
    const sizes = [10, 10, 50, 10, 10, 10, 10];
    const records = sizes.map((size) => ({ topic: 't', key: 'k', value: new Uint8Array(size), headers: {} }));
    const lengths = drain(new ChunkCursor('t', chunkOf([records]), 0, 'file'), 3, 25).map((b) =>
      b.map((r) => r.value?.length),
    );
    expect(lengths).toEqual([[10, 10], [50], [10, 10], [10, 10]]);
    expect(drain(new ChunkCursor('t', chunkOf([records]), 0, 'file'), 3).map((b) => b.length)).toEqual([
      3, 3, 1,
    ]);
  });

  test('splitting and filtering keep the bytes of each record', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 20 }), (records) => {
        const split = unpackRecords(pack(records));
        expect(split.map(({ key }) => Buffer.from(key).toString())).toEqual(
          records.map((r) => Buffer.from(r.key).toString()),
        );
        expect(split.map(({ isTombstone }) => isTombstone)).toEqual(records.map((r) => r.value === null));
        expect(Buffer.concat(split.map(({ payload }) => payload))).toEqual(Buffer.from(pack(records)));
        const odd = keepRecords(pack(records), (index) => index % 2 === 1);
        expect(Buffer.from(odd)).toEqual(Buffer.from(pack(records.filter((_, index) => index % 2 === 1))));
      }),
      { numRuns: 60 },
    );
  });

  /** Records of 20 bytes of value, the offset of each being the number in its value. */
  const numbered = (records: number) =>
    Array.from({ length: records }, (_, i) => ({
      topic: 't',
      key: `device-${i % 3}`,
      value: Buffer.from(`{"value number":${1_000 + i}}`),
      headers: { n: String(i) },
    }));
  const read = (chunk: BatchChunk, from = 0) => drain(new ChunkCursor('t', chunk, from, 'file')).flat();

  test.each([
    ['zeros', 0],
    ['ones', 0xff],
    ['a letter', 0x61],
  ])(
    '[P2] wherever %s overwrite a part of it: the other records keep their offsets, the rest is told',
    (_, byte) => {
      const chunk = chunkOf([numbered(4), numbered(40), numbered(4)]);
      const whole = read(chunk);
      for (let at = 0; at < chunk.payload.length; at += 5) {
        const payload = Uint8Array.from(chunk.payload).fill(byte, at, at + 150);
        const found = read({ ...chunk, payload });
        let next = 0;
        for (const record of found) {
          // Where a batch begins, after a hole.
          if (chunk.batches.some(({ baseOffset }) => baseOffset === record.offset)) next = record.offset;
          expect(record.offset).toBe(next);
          next = record.offset + (record.damagedRecords ?? 1);
          if (record.damage !== undefined) {
            expect(record.damage).toContain(`offset ${record.offset}`);
            continue;
          }
          const before = whole.find(({ offset }) => offset === record.offset);
          if (Buffer.from(record.value ?? []).includes(byte)) continue;
          expect([record.key?.length, record.headers]).toEqual([before?.key?.length, before?.headers]);
        }
        expect(found.reduce((sum, { damagedRecords = 1 }) => sum + damagedRecords, 0)).toBe(48);
        expect(found.filter(({ damage }) => damage === undefined).length).toBeGreaterThanOrEqual(48 - 8);
      }
    },
  );

  test('a row that cannot be read at all is one place, wherever reading starts', () => {
    const chunk = chunkOf([numbered(3), numbered(3)]);
    const lost: BatchChunk = {
      ...chunk,
      batches: [{ baseOffset: 100, records: 50, timestamp: 1, byteLength: 0, damage: 'no page' }],
    };
    expect(read(lost)).toMatchObject([{ offset: 100, damagedRecords: 50, value: null, key: null }]);
    expect(read(lost, 120)).toMatchObject([{ offset: 120, damagedRecords: 30 }]);
    expect(read(lost, 150)).toEqual([]);
  });
});
