import type { Socket } from 'node:net';
import type { Logger } from 'kafkajs';
import { insideKafkajs } from './kafkajs-internals.ts';
import { createSockets } from './sockets.ts';

/**
 * kafkajs' connection(s) to one broker, below its producer and cluster classes. Its own methods throw on the first error
 * code in an answer.
 *
 * Why go below the producer: `send()` spreads one call over several brokers, retries on its own, and can resolve
 * although a part was never written (tulios/kafkajs#1303); it reports one partition's error as the failure of all; and
 * its metadata refresh fails for every topic while any one partition has no leader. A Produce request to one broker has
 * an answer per partition, which is exactly what an outcome per record needs.
 */
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
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }): Promise<unknown>;
  describeGroups(request: { groupIds: string[] }): Promise<{
    groups: {
      state: string;
      protocolType: string;
      members: { memberId: string; clientId: string; clientHost: string; memberAssignment: Buffer }[];
    }[];
  }>;
  describeConfigs(request: { resources: { type: number; name: string; configNames: string[] }[] }): Promise<{
    resources: { configEntries: { configName: string; configValue: string }[] }[];
  }>;
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
  connect(): Promise<unknown>;
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

const Broker = insideKafkajs<Class<object, BrokerConnection>>('broker/index.js');
const Pool = insideKafkajs<Class<ConnectionPoolOptions, ConnectionPool>>('network/connectionPool.js');

/** A connection that is opened by `connect()` (version and SASL handshake included). */
export function createBrokerConnection(options: Omit<ConnectionPoolOptions, 'socketFactory'>) {
  const connectionPool = new Pool({ ...options, socketFactory: createSockets() });
  for (const each of connectionPool.pool) openOnce(each);
  return new Broker({ connectionPool, logger: options.logger, allowAutoTopicCreation: false });
}

/**
 * kafkajs opens the socket for fetches with the first of them, and another one for each that comes before it is open. It
 * keeps the last; the others stay open, unused, and the process with them.
 */
function openOnce(connection: SocketConnection): void {
  const connect = connection.connect;
  let opening: Promise<unknown> | undefined;
  connection.connect = () => {
    opening ??= connect.call(connection).finally(() => {
      opening = undefined;
    });
    return opening;
  };
}

/** Frees the socket at once and fails what still waits on it; `disconnect()` would wait for answers first. */
export function destroyConnection(connection: BrokerConnection, reason: Error): void {
  for (const each of connection.connectionPool.pool) each.rejectRequests(reason);
  connection.disconnect().catch(() => undefined);
  for (const each of connection.connectionPool.pool) {
    each.socket?.destroy();
    // kafkajs opens it again for whoever still asks: nobody would close that one, and it would keep the process alive.
    each.connect = () => Promise.reject(reason);
  }
}
