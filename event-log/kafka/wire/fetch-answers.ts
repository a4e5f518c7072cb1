import type { FetchedRecord } from './fetched-record.ts';
import { decodeRecordBatches, type FindCodec } from './fetched-records.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

/** A partition in the answer to a Fetch request; `errorCode` 0 = good. */
export interface AnsweredPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  /** Offset behind everything that may be seen: before the first transaction that is not over. */
  readonly lastStableOffset: number;
  /** Offset of the oldest record that the partition still has. */
  readonly logStartOffset: number;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  /** The record batches, as they are. */
  readonly bytes: Buffer;
}

/** With the records of its bytes. */
export interface FetchedPartition
  extends Pick<AnsweredPartition, 'partition' | 'errorCode' | 'highWatermark' | 'abortedTransactions'> {
  readonly messages: readonly FetchedRecord[];
}

export interface FetchAnswer {
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly AnsweredPartition[];
  }[];
}

interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readString(): string;
  readBytes(length: number): Buffer;
  canReadBytes(length: number): boolean;
  readArray<Item>(read: (decoder: Decoder) => Item): Item[];
}

const Decoder = insideKafkajs<new (bytes: Buffer) => Decoder>('protocol/decoder.js');
const { lookupCodecByAttributes: findCodec } = insideKafkajs<{ lookupCodecByAttributes: FindCodec }>(
  'protocol/message/compression/index.js',
);

/** Kafka 2.3 (2019) and newer, up to 4.x, speak this version; kafkajs knows none that is newer. */
export const FETCH_VERSION = 11;

/** As kafkajs expects it, but for the records: those need to know what was asked for ({@link withRecords}). */
export async function decodeFetchAnswer(raw: Buffer): Promise<FetchAnswer> {
  const decoder = new Decoder(raw);
  return {
    clientSideThrottleTime: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
    responses: decoder.readArray(() => ({
      topicName: decoder.readString(),
      partitions: decoder.readArray(decodePartition),
    })),
  };
}

function decodePartition(decoder: Decoder): AnsweredPartition {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const highWatermark = decoder.readInt64().toString();
  const lastStableOffset = Number(decoder.readInt64().toString());
  const logStartOffset = Number(decoder.readInt64().toString());
  const abortedTransactions = decoder.readArray(() => ({
    producerId: decoder.readInt64().toString(),
    firstOffset: decoder.readInt64().toString(),
  }));
  decoder.readInt32(); // preferred read replica: rack awareness is not used
  const size = decoder.readInt32();
  const isThere = size > 0 && decoder.canReadBytes(size);
  const bytes = isThere ? decoder.readBytes(size) : NO_BYTES;
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    bytes,
  };
}

const NO_BYTES = Buffer.alloc(0);

/**
 * @param from offset that was asked for
 * @param damagedAt offset that the broker itself cannot read
 */
export async function withRecords(
  answered: AnsweredPartition,
  from: number,
  damagedAt?: number,
): Promise<FetchedPartition> {
  const { partition, errorCode, highWatermark, abortedTransactions, bytes } = answered;
  const range = { from, end: Number(highWatermark), damagedAt };
  const messages = bytes.length === 0 ? [] : await decodeRecordBatches(bytes, findCodec, range);
  return { partition, errorCode, highWatermark, abortedTransactions, messages };
}

const UNKNOWN_SERVER_ERROR = -1;
const CORRUPT_MESSAGE = 2;
const INVALID_RECORD = 87;
const MAY_BE_DAMAGE: ReadonlySet<number> = new Set([UNKNOWN_SERVER_ERROR, CORRUPT_MESSAGE, INVALID_RECORD]);

/**
 * Whether a broker that answers so may have damage on its disk at the offset that was asked for. It says CORRUPT_MESSAGE
 * for the length of a batch that is too small, and stumbles (UNKNOWN_SERVER_ERROR, now and then INVALID_RECORD) over formats
 * and what looks like one.
 */
export function mayBeDamage(errorCode: number): boolean {
  return MAY_BE_DAMAGE.has(errorCode);
}

export function hasDamage({ messages }: FetchedPartition): boolean {
  return messages.some(({ damage }) => damage !== undefined);
}

/** The first batch begins behind what was asked for: compaction removed what was between, or an offset is damaged. */
export function beginsBehind(fetched: FetchedPartition, from: number): boolean {
  return firstOffsetOf(fetched, from) > from;
}

/** Where the first batch begins; `from`, when there is none. */
export function firstOffsetOf({ messages }: FetchedPartition, from: number): number {
  return Number(messages[0]?.batchContext.firstOffset ?? from);
}
