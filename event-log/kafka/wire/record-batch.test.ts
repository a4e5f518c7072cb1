import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeRecordBatch, encodeRecordBody, keyOf, recordValueOf } from './record-batch.ts';

interface DecodedRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer>;
}

const require = createRequire(import.meta.url);
const Decoder: new (bytes: Buffer) => unknown = require('kafkajs/src/protocol/decoder.js');
const decodeBatch: (
  decoder: unknown,
) => Promise<{ records: DecodedRecord[] }> = require('kafkajs/src/protocol/recordBatch/v0/decoder.js');
const kafkajsCrc32c: (bytes: Buffer) => number = require('kafkajs/src/protocol/recordBatch/crc32C/index.js');

const record = fc.record({
  key: fc.string({ unit: 'binary', maxLength: 80 }),
  value: fc.option(fc.uint8Array({ maxLength: 300 })),
  headers: fc.dictionary(
    fc.string({ unit: 'grapheme', maxLength: 20 }).filter((name) => !(name in {})),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    { noNullPrototype: true, maxKeys: 5 },
  ),
});

test('another decoder reads what was encoded', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 200 }), async (records) => {
      const bodies = records.map(({ key, value, headers }) => ({
        body: encodeRecordBody(key, value, headers),
      }));
      const batch = encodeRecordBatch(bodies, 1_764_000_000_000);
      const { records: decoded } = await decodeBatch(new Decoder(batch));
      expect(decoded).toHaveLength(records.length);
      for (const [index, { key, value, headers }] of records.entries()) {
        const actual = decoded[index];
        expect(actual?.offset).toBe(String(index));
        expect(actual?.timestamp).toBe('1764000000000');
        expect(actual?.key.toString()).toBe(Buffer.from(key).toString());
        expect(actual?.value && Buffer.from(actual.value).toString('hex')).toBe(
          value && Buffer.from(value).toString('hex'),
        );
        const text = Object.entries(actual?.headers ?? {}).map(([name, bytes]) => [name, bytes.toString()]);
        expect(text.sort()).toEqual(Object.entries(headers).sort());
      }
      expect(batch.readUInt32BE(17)).toBe(kafkajsCrc32c(batch.subarray(21)) >>> 0);
    }),
    { numRuns: 100 },
  );
});

test('the key is found in the body, for the partitioner', () => {
  for (const key of ['', 'device-1', 'ß'.repeat(40), 'x'.repeat(20_000)]) {
    expect(keyOf(encodeRecordBody(key, Buffer.from('v'), { a: 'b' })).toString()).toBe(key);
  }
});

test('the value is found in the body, for who is told that it was refused', () => {
  for (const key of ['', 'device-1', 'ß'.repeat(40)]) {
    for (const value of [null, Buffer.alloc(0), Buffer.from('21.5'), Buffer.alloc(100_000, 'x')]) {
      expect(recordValueOf(encodeRecordBody(key, value, { a: 'b' }))).toEqual(value);
    }
  }
});

test('the body is a copy: the caller may use its buffer again', () => {
  const value = Buffer.from('before');
  const body = encodeRecordBody('k', value, {});
  value.fill('x');
  expect(body.toString()).toContain('before');
});
