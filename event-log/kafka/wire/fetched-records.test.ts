import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FetchedRecord, FetchedUpTo } from './fetched-record.ts';
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

  /** With the checksum of what it is by now. */
  const sealed = (batch: Buffer): Buffer => {
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
    return batch;
  };
  const at = (firstOffset: number, batch: Buffer): Buffer => {
    batch.writeBigInt64BE(BigInt(firstOffset), 0);
    return batch;
  };

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
    const findCodec = (attributes: number) =>
      (attributes & 7) === 1 ? { decompress: async (data: Buffer) => gunzipSync(data) } : null;
    const records = await decodeRecordBatches(Buffer.concat([sealed(packed), at(3, batch)]), findCodec);
    expect(records.map(({ value }) => String(value)).join('')).toBe('abcabc');
  });

  test('[P6] what is unpacked at once is bounded: batches behind it are left for the next fetch', async () => {
    const packed = (batch: Buffer) => {
      const bytes = Buffer.concat([batch.subarray(0, 61), gzipSync(batch.subarray(61))]);
      bytes.writeInt32BE(bytes.length - 12, 8);
      bytes.writeInt16BE(1, 21);
      return sealed(bytes);
    };
    const large = ours(' '.repeat(10 * 1024 * 1024));
    const batches = [0, 1, 2, 3].map((offset) => at(offset, packed(large)));
    const findCodec = () => ({ decompress: async (data: Buffer) => gunzipSync(data) });
    const records = await decodeRecordBatches(Buffer.concat(batches), findCodec);
    expect(records.map(({ position }) => position)).toEqual([0, 1]);
  });

  test('the time of the log counts where the topic says so', async () => {
    const batch = ours('a');
    batch.writeInt16BE(0x8, 21);
    batch.writeBigInt64BE(77n, 35);
    expect((await decodeRecordBatches(sealed(batch), notCompressed))[0]?.timestamp).toBe(77);
  });

  test('control records and transactions are told', async () => {
    const batch = ours('a');
    batch.writeInt16BE(0x10 | 0x20, 21);
    batch.writeBigInt64BE(9n, 43);
    const [only, end] = await decodeRecordBatches(sealed(batch), notCompressed);
    expect(only).toMatchObject({
      isControlRecord: true,
      batchContext: { producerId: '9', inTransaction: true },
    });
    expect(end).toEqual(new FetchedUpTo(0, NOW));
  });

  test('where records at the end are gone, it is told how far the batch goes', async () => {
    const batch = at(40, ours('a', 'b'));
    batch.writeInt32BE(9, 23);
    const records = await decodeRecordBatches(sealed(batch), notCompressed);
    expect(records.map(({ position }) => position)).toEqual([40, 41, 49]);
    expect(records[2]).toBeInstanceOf(FetchedUpTo);
    batch.writeInt32BE(0, 57);
    batch.writeInt32BE(61 - 12, 8);
    expect(await decodeRecordBatches(sealed(batch.subarray(0, 61)), notCompressed)).toEqual([
      new FetchedUpTo(49, NOW),
    ]);
  });

  describe('[P5] a batch that cannot be read harms only itself', () => {
    const good = at(10, ours('a', 'b'));
    const behind = at(17, ours('c'));
    const show = (records: readonly FetchedRecord[]) =>
      records.map(({ position, value, damage }) => [position, damage ?? String(value)]);
    const bad = (change: (batch: Buffer) => void): Buffer => {
      const batch = at(12, ours('x', 'y', 'z', 'x', 'y'));
      change(batch);
      return batch;
    };

    test.each<[string, RegExp, (batch: Buffer) => void]>([
      ['a flipped bit', /wrong checksum/, (batch) => batch.writeInt8(1, 70)],
      ['a zeroed end', /wrong checksum/, (batch) => batch.fill(0, 61)],
      ['a header that says nonsense', /wrong checksum/, (batch) => batch.writeInt32BE(-5, 23)],
      ['a future format', /format 3, known is 2/, (batch) => batch.writeInt8(3, 16)],
      ['the format of the year 2012', /format 0, known is 2/, (batch) => batch.writeInt8(0, 16)],
      ['too many records', /ends within a record/, (batch) => sealed(batch).writeInt32BE(2_000_000, 57)],
      ['a value that is too long', /ends elsewhere|ends within/, (batch) => batch.writeInt8(0x7e, 61 + 6)],
      ['a record of negative length', /ends elsewhere|ends within/, (batch) => batch.writeInt8(0x01, 61)],
    ])('%s', async (_, why, change) => {
      const batch = bad(change);
      if (!/checksum/.test(why.source)) sealed(batch);
      const records = await decodeRecordBatches(Buffer.concat([good, batch, behind]), notCompressed, {
        from: 0,
        end: 18,
      });
      expect(show(records)).toEqual([
        [10, 'a'],
        [11, 'b'],
        [16, expect.stringMatching(new RegExp(`offsets 12 to 16.*${why.source}`))],
        [17, 'c'],
      ]);
      expect(records[2]?.value).toEqual(batch);
      expect(records[2]?.timestamp).toBe(NOW);
    });

    test('a codec that is not known, or that fails', async () => {
      const packed = sealed(bad((batch) => batch.writeInt16BE(7, 21)));
      const findCodec = (attributes: number) => {
        if ((attributes & 7) === 7) throw new Error('no such codec');
        return null;
      };
      const records = await decodeRecordBatches(Buffer.concat([good, packed, behind]), findCodec, {
        from: 0,
        end: 18,
      });
      expect(show(records)[2]).toEqual([16, expect.stringContaining('no such codec')]);
      expect(records).toHaveLength(4);
    });

    test('at the end of the partition its own header is believed no further than that', async () => {
      const lying = bad((batch) => batch.writeInt32BE(1_000_000, 23));
      expect(show(await decodeRecordBatches(lying, notCompressed, { from: 0, end: 17 }))).toEqual([
        [16, expect.stringContaining('offsets 12 to 16')],
      ]);
    });

    test.each([0, -1, 3, 2 ** 31 - 1])(
      'with the impossible length %i the next one is found',
      async (length) => {
        const lost = bad((batch) => batch.writeInt32BE(length, 8));
        const first = await decodeRecordBatches(Buffer.concat([lost, behind]), notCompressed, {
          from: 0,
          end: 18,
        });
        expect(show(first)).toEqual([
          [16, expect.stringContaining('its length is not possible')],
          [17, 'c'],
        ]);
        expect(first[0]?.value).toHaveLength(lost.length);
      },
    );

    test('with an impossible length and nothing behind it takes the rest', async () => {
      const lost = bad((batch) => batch.writeInt32BE(-1, 8));
      const bytes = Buffer.concat([lost, Buffer.alloc(100)]);
      const records = await decodeRecordBatches(bytes, notCompressed, { from: 12, end: 18 });
      expect(show(records)).toEqual([[16, expect.stringContaining('its length is not possible')]]);
      expect(records[0]?.value).toHaveLength(bytes.length);
    });

    test.each([-1, 1, 30])('with a length that is wrong by %i the next one is found', async (by) => {
      const wrong = bad((batch) => batch.writeInt32BE(batch.readInt32BE(8) + by, 8));
      const bytes = Buffer.concat([good, wrong, behind, at(18, ours('d'))]);
      const records = await decodeRecordBatches(bytes, notCompressed, { from: 10, end: 19 });
      expect(show(records)).toEqual([
        [10, 'a'],
        [11, 'b'],
        [16, expect.stringContaining('offsets 12 to 16')],
        [17, 'c'],
        [18, 'd'],
      ]);
    });

    test('a zeroed header costs the records of its batch and no others', async () => {
      const zeroed = bad((batch) => batch.fill(0, 0, 61));
      const bytes = Buffer.concat([good, zeroed, behind]);
      const records = await decodeRecordBatches(bytes, notCompressed, { from: 10, end: 18 });
      expect(show(records).slice(2)).toEqual([
        [16, expect.stringContaining('offsets 12 to 16')],
        [17, 'c'],
      ]);
      expect(records[2]?.timestamp).toBe(NOW);
    });

    // Outside the checksum: only its neighbours tell.
    test.each([0, 3, 11, 14, 1_000, 10 ** 15, -1])('with the wrong offset %i', async (offset) => {
      const bytes = Buffer.concat([good, at(offset, ours('x', 'y', 'z', 'x', 'y')), behind]);
      const records = await decodeRecordBatches(bytes, notCompressed, { from: 10, end: 18 });
      expect(show(records)).toEqual([
        [10, 'a'],
        [11, 'b'],
        [16, expect.stringMatching(`its offset ${offset} is not possible`)],
        [17, 'c'],
      ]);
    });

    test('that stands before what was asked for is passed over', async () => {
      for (const before of [[], [at(16, ours('z'))]]) {
        const bytes = Buffer.concat([at(900, ours('x', 'y')), ...before, behind]);
        const records = await decodeRecordBatches(bytes, notCompressed, { from: 17, end: 1_000 });
        expect(show(records)).toEqual([[17, 'c']]);
      }
    });

    test('a length beyond what was fetched is a wrong one where the broker cannot read', async () => {
      const long = bad((batch) => batch.writeInt32BE(1_000_000, 8));
      const bytes = Buffer.concat([good, long, behind, at(18, ours('d')).subarray(0, 50)]);
      const range = { from: 10, end: 19 };
      expect(show(await decodeRecordBatches(bytes, notCompressed, range))).toHaveLength(2);
      const records = await decodeRecordBatches(bytes, notCompressed, { ...range, damagedAt: 12 });
      expect(show(records)).toEqual([
        [10, 'a'],
        [11, 'b'],
        [16, expect.stringContaining('offsets 12 to 16')],
        [17, 'c'],
      ]);
    });

    test('whatever stands there, it ends, and what came before is kept', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
          const bytes = Buffer.concat([good, noise, behind]);
          const records = await decodeRecordBatches(bytes, notCompressed, { from: 0, end: 1_000 });
          expect(show(records).slice(0, 2)).toEqual([
            [10, 'a'],
            [11, 'b'],
          ]);
          for (const { position } of records) expect(position).toBeLessThan(1_000);
        }),
      );
    });
  });
});
