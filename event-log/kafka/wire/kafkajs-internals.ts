import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Logger } from 'kafkajs';
import {
  decodeFetchAnswer,
  FETCH_VERSION,
  type FetchAnswer,
  type FetchedPartition,
} from './fetch-answers.ts';
import type { FetchedRecord } from './fetched-records.ts';

/**
 * The parts of kafkajs 2.2.4 below its producer and cluster classes: a connection to one broker, and the encoders and
 * decoders of single requests. The version is pinned in package.json and the library is no longer developed, so these
 * paths do not move; `kafkajs-internals.test.ts` fails if they ever do.
 *
 * Why go below the producer: `send()` spreads one call over several brokers, retries on its own, and can resolve
 * although a part was never written (tulios/kafkajs#1303); it reports one partition's error as the failure of all; and
 * its metadata refresh fails for every topic while any one partition has no leader. A Produce request to one broker has
 * an answer per partition, which is exactly what an outcome per record needs.
 */
const require = createRequire(import.meta.url);

/** kafkajs' connection(s) to one broker. Its own methods throw on the first error code in an answer. */
export interface BrokerConnection {
  readonly connectionPool: ConnectionPool;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<{
    coordinator: { nodeId: number; host: string; port: number };
  }>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    protocolType: string;
    groupProtocols: { name: string; metadata: Buffer }[];
  }): Promise<{ generationId: number; leaderId: string; memberId: string }>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: { memberId: string; memberAssignment: Buffer }[];
  }): Promise<unknown>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}

interface ConnectionPool {
  /** Two sockets: the second one is for Fetch requests, the first for all others. */
  readonly pool: readonly SocketConnection[];
  send(protocolRequest: {
    request: unknown;
    response: { decode(raw: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
    requestTimeout?: number;
    logResponseError?: boolean;
  }): Promise<unknown>;
}

interface SocketConnection {
  readonly clientId: string;
  readonly socket?: Socket;
  readonly requestQueue: {
    /** Calls `sendRequest` at once, or when fewer requests are in flight; later one of the functions of `entry`. */
    push(request: {
      readonly entry: {
        readonly apiKey: number;
        readonly apiName: string;
        readonly apiVersion: number;
        readonly correlationId: number;
        readonly resolve: (answer: { readonly payload: Buffer }) => void;
        readonly reject: (error: Error) => void;
      };
      readonly expectResponse: boolean;
      readonly requestTimeout: number;
      readonly sendRequest: () => void;
    }): void;
    maybeThrottle(ms: number | null): void;
  };
  /** False as well when the broker wants to be told the credentials again. */
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  /** @throws a KafkaJSConnectionError */
  failIfNotConnected(): void;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
}

export interface ConnectionPoolOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl: object | null;
  readonly sasl: object | null;
  readonly clientId: string;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly logger: Logger;
  readonly socketFactory: unknown;
}

type Class<Options, Instance> = new (options: Options) => Instance;
type RequestEncoder = (request: object) => unknown;
type ResponseDecoder = { decode(raw: Buffer): Promise<unknown> };

const Broker: Class<object, BrokerConnection> = require('kafkajs/src/broker/index.js');
const Pool: Class<ConnectionPoolOptions, ConnectionPool> = require('kafkajs/src/network/connectionPool.js');
const createSocketFactory: () => unknown = require('kafkajs/src/network/socketFactory.js');
const Batch: new (
  topic: string,
  fetchedOffset: string,
  partitionData: FetchedPartition,
) => { readonly messages: readonly FetchedRecord[] } = require('kafkajs/src/consumer/batch.js');

/** A connection that is opened by `connect()` (version and SASL handshake included). */
export function createBrokerConnection(options: Omit<ConnectionPoolOptions, 'socketFactory'>) {
  return new Broker({
    connectionPool: new Pool({ ...options, socketFactory: createSocketFactory() }),
    logger: options.logger,
    allowAutoTopicCreation: false,
  });
}

/** Frees the socket at once and fails what still waits on it; `disconnect()` would wait for answers first. */
export function destroyConnection(connection: BrokerConnection, reason: Error): void {
  for (const each of connection.connectionPool.pool) each.rejectRequests(reason);
  connection.disconnect().catch(() => undefined);
  for (const each of connection.connectionPool.pool) each.socket?.destroy();
}

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

/** Timestamp -1: the end; -2: the oldest record; else the first record that is not older. */
export async function sendListOffsets(
  connection: BrokerConnection,
  topic: string,
  partitions: readonly { partition: number; timestamp: number }[],
  timeoutMs: number,
) {
  const request = { replicaId: -1, isolationLevel: READ_COMMITTED, topics: [{ topic, partitions }] };
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
): Promise<FetchedPartition | undefined> {
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

/** What a consumer may see of a fetched partition: no control records, nothing of aborted transactions. */
export function visibleMessages(topic: string, offset: number, fetched: FetchedPartition) {
  return new Batch(topic, String(offset), fetched).messages;
}

const READ_COMMITTED = 1;

/** kafkajs' own `parse` throws on the first error code it finds: here the caller looks at each. */
async function unparsed(decoded: unknown): Promise<unknown> {
  return decoded;
}

function api<Answer>(name: string, version: number, decoder?: ResponseDecoder['decode']) {
  const folder = `kafkajs/src/protocol/requests/${name}/v${version}`;
  const encode: RequestEncoder = require(`${folder}/request.js`);
  const decode = decoder ?? (require(`${folder}/response.js`) as ResponseDecoder).decode;
  return async (connection: BrokerConnection, request: object, requestTimeout: number): Promise<Answer> =>
    (await connection.connectionPool.send({
      request: encode(request),
      response: { decode, parse: unparsed },
      requestTimeout,
      logResponseError: false,
    })) as Answer;
}
