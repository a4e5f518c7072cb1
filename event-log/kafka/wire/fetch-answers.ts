import type { FetchedRecord } from './fetched-record.ts';
import { decodeRecordBatches, type FindCodec } from './fetched-records.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

/** A partition in the answer to a Fetch request; `errorCode` 0 = good. */
export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly messages: readonly FetchedRecord[];
}

export interface FetchAnswer {
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPartition[];
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
  readArrayAsync<Item>(read: (decoder: Decoder) => Promise<Item>): Promise<Item[]>;
}

const Decoder = insideKafkajs<new (bytes: Buffer) => Decoder>('protocol/decoder.js');
const { lookupCodecByAttributes: findCodec } = insideKafkajs<{ lookupCodecByAttributes: FindCodec }>(
  'protocol/message/compression/index.js',
);

/** Kafka 2.3 (2019) and newer, up to 4.x, speak this version; kafkajs knows none that is newer. */
export const FETCH_VERSION = 11;
/** The answer as kafkajs expects it, the records by `fetched-records.ts`. */
export async function decodeFetchAnswer(raw: Buffer): Promise<FetchAnswer> {
  const decoder = new Decoder(raw);
  return {
    clientSideThrottleTime: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
    responses: await decoder.readArrayAsync(async () => ({
      topicName: decoder.readString(),
      partitions: await decoder.readArrayAsync(decodePartition),
    })),
  };
}

async function decodePartition(decoder: Decoder): Promise<FetchedPartition> {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const highWatermark = decoder.readInt64().toString();
  decoder.readInt64(); // last stable offset: the broker has already kept what is behind it
  decoder.readInt64(); // log start offset
  const abortedTransactions = decoder.readArray(() => ({
    producerId: decoder.readInt64().toString(),
    firstOffset: decoder.readInt64().toString(),
  }));
  decoder.readInt32(); // preferred read replica: rack awareness is not used
  return {
    partition,
    errorCode,
    highWatermark,
    abortedTransactions,
    messages: await decodeRecords(decoder, Number(highWatermark)),
  };
}

async function decodeRecords(decoder: Decoder, highWatermark: number): Promise<FetchedRecord[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  return decodeRecordBatches(decoder.readBytes(size), findCodec, highWatermark);
}
