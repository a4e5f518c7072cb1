import type { BrokerConnection } from './broker-connection.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

export interface ProducedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: string;
  /** Milliseconds since the epoch by the broker's clock; -1 = the topic keeps the producer's times. */
  readonly logAppendTime?: string;
}

export type ProduceAnswer = readonly {
  readonly topicName: string;
  readonly partitions: readonly ProducedPartition[];
}[];

/** Encoded record batches by topic and partition. */
export type ProduceData = readonly {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly batch: Buffer }[];
}[];

interface Answer {
  readonly topics: ProduceAnswer;
  /** Milliseconds; more than 0 when a quota is exceeded. */
  readonly clientSideThrottleTime: number;
}

interface Encoder {
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeString(value: string | null): Encoder;
  readonly buffer: Buffer;
}

const Encoder = insideKafkajs<new () => Encoder>('protocol/encoder.js');

// Kafka 2.3 (2019) and newer, up to 4.x, speak this version.
const PRODUCE_VERSION = 7;
const ACKS_ALL = -1;
const { decode } = insideKafkajs<{ decode(raw: Buffer): Promise<Answer> }>(
  `protocol/requests/produce/v${PRODUCE_VERSION}/response.js`,
);

/**
 * `acks=all`. The request does not pass kafkajs' encoder, which would copy it three times, each time into a buffer that
 * is cleared first: its parts go to the socket as they are. Waiting for the answer is left to kafkajs' request queue.
 *
 * @param replicationMs how long the broker waits for the replicas before it answers with an error
 */
export async function sendProduce(
  connection: BrokerConnection,
  data: ProduceData,
  replicationMs: number,
  timeoutMs: number,
): Promise<ProduceAnswer> {
  const [to] = connection.connectionPool.pool;
  if (to === undefined) throw new Error('kafkajs has a connection without a socket');
  if (!to.isAuthenticated()) await to.authenticate();
  to.failIfNotConnected();
  const api = { apiKey: 0, apiName: 'Produce', apiVersion: PRODUCE_VERSION };
  const correlationId = to.nextCorrelationId();
  const parts = produceRequest({ ...api, correlationId, clientId: to.clientId }, data, replicationMs);
  const { payload } = await new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
    to.requestQueue.push({
      entry: { ...api, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout: timeoutMs,
      sendRequest: () => {
        to.socket?.cork();
        for (const part of parts) to.socket?.write(part);
        to.socket?.uncork();
      },
    });
  });
  const { topics, clientSideThrottleTime } = await decode(payload);
  to.requestQueue.maybeThrottle(clientSideThrottleTime);
  return topics;
}

/** The bytes of a Produce request, in parts: the record batches, and what stands between them. */
function produceRequest(
  header: { apiKey: number; apiVersion: number; correlationId: number; clientId: string },
  data: ProduceData,
  replicationMs: number,
): Buffer[] {
  const parts: Buffer[] = [];
  let encoder = new Encoder()
    .writeInt16(header.apiKey)
    .writeInt16(header.apiVersion)
    .writeInt32(header.correlationId)
    .writeString(header.clientId)
    .writeString(null) // transactional id
    .writeInt16(ACKS_ALL)
    .writeInt32(replicationMs)
    .writeInt32(data.length);
  for (const { topic, partitions } of data) {
    encoder.writeString(topic).writeInt32(partitions.length);
    for (const { partition, batch } of partitions) {
      encoder.writeInt32(partition).writeInt32(batch.length);
      parts.push(encoder.buffer, batch);
      encoder = new Encoder();
    }
  }
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return [new Encoder().writeInt32(size).buffer, ...parts];
}
