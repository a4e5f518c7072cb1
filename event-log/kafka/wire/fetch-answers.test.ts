import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { decodeFetchAnswer, FETCH_VERSION, type FetchedPartition, withRecords } from './fetch-answers.ts';
import { encodeRecordBatch, encodeRecordBody } from './record-batch.ts';

interface Encoder {
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: number): Encoder;
  writeString(value: string): Encoder;
  writeBytes(value: Buffer): Encoder;
  readonly buffer: Buffer;
}

const require = createRequire(import.meta.url);
const Encoder: new () => Encoder = require('kafkajs/src/protocol/encoder.js');
interface FetchAnswer {
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPartition[];
  }[];
}

const response: { decode(raw: Buffer): Promise<FetchAnswer> } = require(
  `kafkajs/src/protocol/requests/fetch/v${FETCH_VERSION}/response.js`,
);
const decodeOfKafkajs = response.decode;

const NO_ERROR = 0;
const OFFSET_OUT_OF_RANGE = 1;
function records(count: number, firstOffset = 0): Buffer {
  const bodies = Array.from({ length: count }, (_, i) => ({
    body: encodeRecordBody(`key-${i}`, Buffer.from(`value-${i}`), { readings: '1' }),
  }));
  const batch = encodeRecordBatch(bodies, 1_764_000_000_000);
  batch.writeBigInt64BE(BigInt(firstOffset));
  return batch;
}

function writePartition(
  encoder: Encoder,
  partition: number,
  errorCode: number,
  aborted: readonly (readonly [producerId: number, firstOffset: number])[] | undefined,
  bytes: Buffer,
): void {
  encoder.writeInt32(partition).writeInt16(errorCode).writeInt64(1_000).writeInt64(900).writeInt64(5);
  encoder.writeInt32(aborted?.length ?? -1);
  for (const [producerId, firstOffset] of aborted ?? [])
    encoder.writeInt64(producerId).writeInt64(firstOffset);
  encoder.writeInt32(-1).writeBytes(bytes);
}

function answer(): Buffer {
  const encoder = new Encoder().writeInt32(17).writeInt16(NO_ERROR).writeInt32(99).writeInt32(2);
  encoder.writeString('readings').writeInt32(3);
  writePartition(encoder, 0, NO_ERROR, undefined, Buffer.concat([records(3), records(2, 3)]));
  writePartition(encoder, 7, OFFSET_OUT_OF_RANGE, [], Buffer.alloc(0));
  writePartition(encoder, 8, NO_ERROR, [[4_000_000_000, 12]], records(1));
  encoder.writeString('letters').writeInt32(0);
  return encoder.buffer;
}

async function decode(raw: Buffer): Promise<FetchAnswer> {
  const fetched = await decodeFetchAnswer(raw);
  const responses = fetched.responses.map(async ({ topicName, partitions }) => ({
    topicName,
    partitions: await Promise.all(partitions.map((each) => withRecords(each, 0))),
  }));
  return { ...fetched, responses: await Promise.all(responses) };
}

/** What both decoders promise; kafkajs' messages hold more. */
const essence = ({ clientSideThrottleTime, errorCode, sessionId, responses }: FetchAnswer) => ({
  clientSideThrottleTime,
  errorCode,
  sessionId,
  responses: responses.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(
      ({ messages, partition, errorCode: code, highWatermark, abortedTransactions }) => ({
        partition,
        code,
        highWatermark,
        abortedTransactions,
        messages: messages.map(({ offset, key, value, isControlRecord, batchContext }) => ({
          offset,
          key: String(key),
          value: String(value),
          isControlRecord,
          producerId: batchContext.producerId,
          firstOffset: batchContext.firstOffset,
          lastOffsetDelta: batchContext.lastOffsetDelta,
        })),
      }),
    ),
  })),
});

describe('answers to Fetch requests', () => {
  test('are decoded as by kafkajs', async () => {
    const ours = essence(await decode(answer()));
    expect(ours).toEqual(essence(await decodeOfKafkajs(answer())));
    expect(ours.responses[0]?.partitions.map(({ messages }) => messages.length)).toEqual([5, 0, 1]);
  });

  test('[P5] with records that cannot be read hold the rest of them', async () => {
    const old = answer();
    old[old.indexOf(records(3)) + 16] = 1;
    const { responses } = await decode(old);
    expect(responses[0]?.partitions[0]?.messages.map(({ damage }) => damage)).toEqual([
      expect.stringContaining('format 1'),
      undefined,
      undefined,
    ]);
  });
});
