import type { BrokerConnection } from './broker-connection.ts';
import {
  type AnsweredPartition,
  decodeFetchAnswer,
  FETCH_VERSION,
  type FetchAnswer,
} from './fetch-answers.ts';
import { insideKafkajs } from './kafkajs-internals.ts';

type RequestEncoder = (request: object) => unknown;
type ResponseDecoder = { decode(raw: Buffer): Promise<unknown> };

/** `errorCode` 0 = good; the numbers are those of the Kafka protocol. */
export interface ClusterMetadata {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionErrorCode: number;
      readonly partitionId: number;
      /** -1 = none right now. */
      readonly leader: number;
      readonly replicas: readonly number[];
    }[];
  }[];
}

export type Isolation = 'committed' | 'uncommitted';

export interface ListedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly timestamp: string;
  readonly offset: string;
}

// Kafka 2.3 (2019) and newer, up to 4.x, speak these versions.
const metadata = api<ClusterMetadata>('metadata', 6);
const listOffsets = api<{ responses: readonly { topic: string; partitions: readonly ListedPartition[] }[] }>(
  'listOffsets',
  3,
);
const fetch = api<FetchAnswer>('fetch', FETCH_VERSION, decodeFetchAnswer);

/** With an empty list: all topics. Never creates a topic. */
export function sendMetadata(connection: BrokerConnection, topics: readonly string[], timeoutMs: number) {
  return metadata(connection, { topics, allowAutoTopicCreation: false }, timeoutMs);
}

/**
 * Timestamp -1: the end; -2: the oldest record; else the first record that is not older.
 *
 * @param isolation what counts: only what consumers may read, or also what stands behind a transaction that is not over
 */
export async function sendListOffsets(
  connection: BrokerConnection,
  topic: string,
  partitions: readonly { partition: number; timestamp: number }[],
  isolation: Isolation,
  timeoutMs: number,
) {
  const isolationLevel = isolation === 'committed' ? READ_COMMITTED : READ_UNCOMMITTED;
  const request = { replicaId: -1, isolationLevel, topics: [{ topic, partitions }] };
  const answer = await listOffsets(connection, request, timeoutMs);
  return answer.responses.flatMap((response) => response.partitions);
}

export async function sendFetch(
  connection: BrokerConnection,
  topic: string,
  partition: number,
  offset: number,
  maxBytes: number,
  maxWaitMs: number,
  timeoutMs: number,
): Promise<AnsweredPartition | undefined> {
  const partitions = [{ partition, fetchOffset: String(offset), maxBytes }];
  const answer = await fetch(
    connection,
    {
      replicaId: -1,
      isolationLevel: READ_COMMITTED,
      sessionId: 0,
      sessionEpoch: -1,
      forgottenTopics: [],
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes,
      topics: [{ topic, partitions }],
      rackId: '',
    },
    timeoutMs,
  );
  return answer.responses[0]?.partitions[0];
}

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** kafkajs' own `parse` throws on the first error code it finds: here the caller looks at each. */
async function unparsed(decoded: unknown): Promise<unknown> {
  return decoded;
}

function api<Answer>(name: string, version: number, decoder?: ResponseDecoder['decode']) {
  const folder = `protocol/requests/${name}/v${version}`;
  const encode = insideKafkajs<RequestEncoder>(`${folder}/request.js`);
  const decode = decoder ?? insideKafkajs<ResponseDecoder>(`${folder}/response.js`).decode;
  return async (connection: BrokerConnection, request: object, requestTimeout: number): Promise<Answer> =>
    (await connection.connectionPool.send({
      request: encode(request),
      response: { decode, parse: unparsed },
      requestTimeout,
      logResponseError: false,
    })) as Answer;
}
