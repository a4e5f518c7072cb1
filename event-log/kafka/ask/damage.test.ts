import { describe, expect, test } from 'vitest';
import { type AnsweredPartition, withRecords } from '#event-log/kafka/wire/fetch-answers.ts';
import { encodeRecordBatch, encodeRecordBody } from '#event-log/kafka/wire/record-batch.ts';
import { behindDamage, withLostBeginning } from './damage.ts';

/** A partition of one record a batch, whose broker finds its way by an index with an entry for every `indexed`th. */
class Disk {
  readonly #batches: Buffer[];
  readonly #indexed: number;
  readonly #unreadable = new Set<number>();
  asked = 0;

  constructor(records: number, indexed: number) {
    this.#indexed = indexed;
    this.#batches = Array.from({ length: records }, (_, offset) => {
      const batch = encodeRecordBatch(
        [{ body: encodeRecordBody('k', Buffer.from(`v${offset}`), {}) }],
        1_000,
      );
      batch.writeBigInt64BE(BigInt(offset));
      return batch;
    });
  }

  spoil(offset: number, change: (batch: Buffer) => unknown = (batch) => batch.fill(0, 0, 61)): this {
    change(this.#batches[offset] as Buffer);
    this.#unreadable.add(offset);
    return this;
  }

  readonly ask = async (offset: number, maxBytes: number): Promise<AnsweredPartition> => {
    this.asked++;
    const answer = {
      partition: 0,
      highWatermark: String(this.#batches.length),
      lastStableOffset: this.#batches.length,
      logStartOffset: 0,
      abortedTransactions: [],
    };
    for (let at = offset - (offset % this.#indexed); at <= offset; at++) {
      if (this.#unreadable.has(at)) return { ...answer, errorCode: 2, bytes: Buffer.alloc(0) };
    }
    const bytes = Buffer.concat(this.#batches.slice(offset));
    return {
      ...answer,
      errorCode: 0,
      bytes: bytes.subarray(0, Math.max(maxBytes, this.#batches[offset]?.length ?? 0)),
    };
  };
}

async function behind(disk: Disk, offset: number, end: number) {
  const found = await behindDamage(disk.ask, offset, end, 'CORRUPT_MESSAGE');
  return found?.messages.map(({ position, value, damage }) => damage ?? `${position} ${value}`);
}

describe('[P5] behind damage that the broker cannot read', () => {
  test('everything else is there when the offset before is asked for', async () => {
    const disk = new Disk(30, 10).spoil(13);
    expect((await behind(disk, 13, 30))?.slice(0, 3)).toEqual([
      'offset 13 cannot be read: its length is not possible',
      '14 v14',
      '15 v15',
    ]);
    expect(disk.asked).toBe(1);
  });

  test('also behind a header that seems to reach further than what was sent', async () => {
    const disk = new Disk(30, 10).spoil(13, (batch) => batch.writeInt32BE(1_000_000_000, 8));
    expect((await behind(disk, 13, 30))?.slice(0, 2)).toEqual([
      'offset 13 cannot be read: its length is not possible',
      '14 v14',
    ]);
  });

  test.each([
    ['at the beginning of the log', 0],
    ['where the one before cannot be read either', 14],
  ])('%s: from the next offset on that is found by the index', async (_, offset) => {
    const disk = new Disk(30, 10).spoil(offset - (offset % 10) + (offset === 0 ? 0 : 3));
    const next = offset - (offset % 10) + 10;
    expect(await behind(disk, offset, 30)).toEqual([
      `offsets ${offset} to ${next - 1} cannot be read: CORRUPT_MESSAGE`,
    ]);
  });

  test('of a large one the end is found exactly, and soon', async () => {
    const disk = new Disk(60_000, 50_000).spoil(0);
    expect(await behind(disk, 1, 60_000)).toEqual(['offsets 1 to 49999 cannot be read: CORRUPT_MESSAGE']);
    expect(disk.asked).toBeLessThan(6_000);
  });

  test('[P2] where nothing at all can be read, nothing is given up', async () => {
    expect(await behind(new Disk(30, 100).spoil(0), 5, 30)).toBeUndefined();
  });
});

test.each([
  ['of three that it passes over', 3, ['offsets 0 to 2 cannot be read: ', '3 v3', '4 v4']],
  ['of none', 0, ['0 v0', '1 v1', '2 v2']],
])(
  '[P2] the beginning of a partition that a broker does not show is told: %s',
  async (_, first, expected) => {
    const answered = await new Disk(5, 1).ask(first, 10_000);
    const { messages } = withLostBeginning(await withRecords(answered, 0), 0);
    const told = messages.slice(0, 3).map(({ position, value, damage }) => damage ?? `${position} ${value}`);
    expect(told).toEqual(expected.map((text) => expect.stringContaining(text)));
  },
);
