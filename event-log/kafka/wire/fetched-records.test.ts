import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRecordBatches } from './fetched-records.ts';
import { encodeRecordBatch, encodeRecordBody } from './record-batch.ts';

interface KafkajsRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Record<string, string>;
  readonly timestamp: number;
}

const require = createRequire(import.meta.url);
const kafkajs: {
  RecordBatch(batch: object): Promise<{ buffer: Buffer }>;
} = require('kafkajs/src/protocol/recordBatch/v0/index.js');
const KafkajsRecord: (record: KafkajsRecord & { offsetDelta: number; timestampDelta: number }) => unknown =
  require('kafkajs/src/protocol/recordBatch/record/v0/index.js');

const notCompressed = () => null;
const NOW = 1_764_000_000_000;

const record = fc.record({
  key: fc.option(fc.string({ unit: 'binary', maxLength: 80 })),
  value: fc.option(fc.string({ unit: 'binary', maxLength: 300 })),
  headers: fc.dictionary(
    fc.oneof(
      fc.constantFrom('readings', 'received-at', '__proto__', 'constructor'),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
    ),
    fc.oneof(fc.constantFrom('1', '2'), fc.string({ unit: 'grapheme', maxLength: 40 })),
    { maxKeys: 5 },
  ),
  timestamp: fc.integer({ min: NOW - 1e12, max: NOW + 1e10 }),
});

const batchOf = async (records: readonly KafkajsRecord[], firstOffset: number): Promise<Buffer> => {
  const { buffer } = await kafkajs.RecordBatch({
    firstOffset,
    firstTimestamp: NOW,
    maxTimestamp: NOW + 5,
    lastOffsetDelta: records.length - 1,
    records: records.map((each, offsetDelta) =>
      KafkajsRecord({ ...each, offsetDelta, timestampDelta: each.timestamp - NOW }),
    ),
  });
  return buffer;
};

const plain = (headers: object) => Object.entries(headers).sort();

describe('fetched records', () => {
  test('what another encoder wrote is decoded, batch after batch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { minLength: 1, maxLength: 50 }), { maxLength: 4 }),
        async (batches) => {
          const bytes: Buffer[] = [];
          let offset = 2 ** 40;
          for (const records of batches) {
            bytes.push(await batchOf(records, offset));
            offset += records.length;
          }
          const decoded = await decodeRecordBatches(Buffer.concat(bytes), notCompressed);
          const expected = batches.flat();
          expect(decoded).toHaveLength(expected.length);
          decoded.forEach((actual, index) => {
            const { key, value, headers, timestamp } = expected[index] as KafkajsRecord;
            expect(actual.offset).toBe(String(2 ** 40 + index));
            expect(actual.timestamp).toBe(timestamp);
            expect(actual.key?.toString() ?? null).toBe(key && Buffer.from(key).toString());
            expect(actual.value?.toString() ?? null).toBe(value && Buffer.from(value).toString());
            expect(plain(actual.headers)).toEqual(plain(headers));
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  const ours = (...values: string[]): Buffer =>
    encodeRecordBatch(
      values.map((value) => ({ body: encodeRecordBody('k', Buffer.from(value), { readings: value }) })),
      NOW,
    );

  test('a last batch that is cut off anywhere is left out', async () => {
    const whole = ours('a', 'b');
    const cut = ours('c', 'd');
    for (let length = 0; length < cut.length; length++) {
      const bytes = Buffer.concat([whole, cut.subarray(0, length)]);
      const values = (await decodeRecordBatches(bytes, notCompressed)).map(({ value }) => String(value));
      expect(values).toEqual(['a', 'b']);
    }
  });

  test('a batch that was compressed is decompressed', async () => {
    const batch = ours('a', 'b', 'c');
    const packed = Buffer.concat([batch.subarray(0, 61), gzipSync(batch.subarray(61))]);
    packed.writeInt32BE(packed.length - 12, 8);
    packed.writeInt16BE(1, 21);
    const { gunzipSync } = await import('node:zlib');
    const findCodec = (attributes: number) =>
      (attributes & 7) === 1 ? { decompress: async (data: Buffer) => gunzipSync(data) } : null;
    const records = await decodeRecordBatches(Buffer.concat([packed, batch]), findCodec);
    expect(records.map(({ value }) => String(value)).join('')).toBe('abcabc');
  });

  test('the time of the log counts where the topic says so', async () => {
    const batch = ours('a');
    batch.writeInt16BE(0x8, 21);
    batch.writeBigInt64BE(77n, 35);
    expect((await decodeRecordBatches(batch, notCompressed))[0]?.timestamp).toBe(77);
  });

  test('control records and transactions are told', async () => {
    const batch = ours('a');
    batch.writeInt16BE(0x10 | 0x20, 21);
    batch.writeBigInt64BE(9n, 43);
    const [only] = await decodeRecordBatches(batch, notCompressed);
    expect(only).toMatchObject({
      isControlRecord: true,
      batchContext: { producerId: '9', inTransaction: true },
    });
  });

  test('lengths that lead out of the batch are an error, not an endless loop', async () => {
    const batch = ours('a');
    const lying = Buffer.from(batch);
    lying.writeInt32BE(2_000_000, 57);
    await expect(decodeRecordBatches(lying, notCompressed)).rejects.toThrow(RangeError);
    const longValue = Buffer.from(batch);
    longValue[61 + 6] = 0x7e;
    await expect(decodeRecordBatches(longValue, notCompressed)).rejects.toThrow(RangeError);
  });
});
