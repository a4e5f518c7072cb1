import type { Logger } from 'kafkajs';
import { logClosed } from '#event-log/pending-append.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { type BrokerConnection, createBrokerConnection, destroyConnection } from './broker-connection.ts';
import { type ClusterMetadata, sendMetadata } from './broker-requests.ts';
import { ANSWER_MS, CONNECT_MS } from './client.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface BrokerConnectionsOptions {
  /** `host:port`, asked when no broker is known yet, or none of the known ones answers. */
  readonly bootstrap: readonly string[];
  readonly ssl: object | null;
  readonly sasl: object | null;
  readonly clientId: string;
  readonly logger: Logger;
}

/** Milliseconds for connecting, the version handshake and SASL together: kafkajs bounds only the first. */
const READY_MS = CONNECT_MS + ANSWER_MS;

/**
 * Our connections to the brokers, opened on demand, one per (broker, channel): Kafka answers the requests of one
 * connection strictly one after the other, so whatever must not wait for a slow request has a channel of its own.
 *
 * A connection is used until it breaks or a request on it gets no answer in time; then it is destroyed and the next
 * question opens a new one. That is the whole life cycle: nothing is repaired, because a kafkajs connection that is
 * opened again keeps the half answer of its predecessor in its buffer, and one whose broker is frozen or cut off stays
 * "connected" until TCP gives up after a quarter of an hour.
 *
 * Nothing here retries, except that metadata is asked of one broker after the other until one answers.
 */
export class BrokerConnections {
  readonly #options: BrokerConnectionsOptions;
  readonly #bootstrap: readonly Address[];
  /** Brokers of the latest metadata. */
  #nodes = new Map<number, Address>();
  readonly #open = new Map<string, BrokerConnection>();
  /** Who asks while a connection is being opened shares that attempt, and its failure. */
  readonly #opening = new Map<BrokerConnection, Promise<void>>();
  /** The broker that answered last is asked first. */
  #lastAnswer: Address | undefined;
  #closed = false;

  constructor(options: BrokerConnectionsOptions) {
    this.#options = options;
    this.#bootstrap = options.bootstrap.map(parseAddress);
  }

  /** For people: a broker, and the address that the cluster gives for it. */
  describe(nodeId: number): string {
    const address = this.#nodes.get(nodeId);
    return `broker ${nodeId} (${address === undefined ? 'address not known' : format(address)})`;
  }

  /**
   * Makes sure that a broker can be reached at the address that the cluster gives for it (`advertised.listeners`):
   * metadata may have come from another one, and everything else goes to these.
   *
   * @throws PipelineError `event-log-unavailable` naming each broker, its address, and what is wrong with it
   */
  async reachAdvertised(): Promise<void> {
    const advertised = [...this.#nodes.values()].map(format);
    if (this.#lastAnswer !== undefined && advertised.includes(format(this.#lastAnswer))) return;
    const problems: string[] = [];
    let cause: unknown;
    for (const [nodeId, address] of this.#nodes) {
      try {
        await this.#ask(address, 'query', async () => undefined);
        this.#lastAnswer = address;
        return;
      } catch (error) {
        problems.push(`${this.describe(nodeId)}: ${describeError(error)}`);
        cause = error;
      }
    }
    throw new PipelineError(
      'event-log-unavailable',
      `no broker can be reached where advertised.listeners says (${problems.join('; ')})`,
      { retryable: true, cause },
    );
  }

  /**
   * Leaders of the partitions of `topics`, from the first broker that answers. Missing topics and partitions without a
   * leader are in the answer, with their error codes.
   *
   * @throws PipelineError `event-log-unavailable` when no broker answers
   */
  async metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const problems: string[] = [];
    let cause: unknown;
    for (const address of this.#candidates()) {
      try {
        const metadata = await this.#ask(address, 'query', (c) => sendMetadata(c, topics, ANSWER_MS));
        this.#lastAnswer = address;
        this.#nodes = new Map(metadata.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
        return metadata;
      } catch (error) {
        problems.push(`${format(address)}: ${describeError(error)}`);
        cause = error;
      }
    }
    throw new PipelineError('event-log-unavailable', `no broker answers (${problems.join('; ')})`, {
      retryable: true,
      cause,
    });
  }

  /**
   * One exchange with a broker. When it fails without an answer from the broker, the connection is given up.
   *
   * @param channel questions of one channel queue up behind each other
   * @throws whatever the connection or `question` throws
   */
  async ask<Answer>(
    nodeId: number,
    channel: string,
    question: (connection: BrokerConnection) => Promise<Answer>,
  ): Promise<Answer> {
    const address = this.#nodes.get(nodeId);
    if (address === undefined) throw new Error(`broker ${nodeId} is not known`);
    return this.#ask(address, channel, question);
  }

  /** The broker that coordinates `group`. @throws kafkajs errors; PipelineError `event-log-unavailable` */
  async coordinatorOf(group: string): Promise<number> {
    if (this.#nodes.size === 0) await this.metadata([]);
    let problem: unknown;
    for (const address of this.#candidates()) {
      try {
        const request = { groupId: group, coordinatorType: 0 };
        const answer = await this.#ask(address, 'query', (c) => c.findGroupCoordinator(request));
        const { nodeId, host, port } = answer.coordinator;
        this.#nodes.set(nodeId, { host, port });
        return nodeId;
      } catch (error) {
        problem = error;
        if (isProtocolError(error)) break;
      }
    }
    throw problem;
  }

  /** For people: the broker that coordinates `group` or, while none tells, those that were asked. */
  async describeCoordinator(group: string): Promise<string> {
    try {
      return this.describe(await this.coordinatorOf(group));
    } catch {
      return `asked: ${this.#candidates().map(format).join(', ')}`;
    }
  }

  /** Closes the connections of a channel that is not needed any more. */
  release(channel: string): void {
    for (const key of [...this.#open.keys()]) {
      if (key.endsWith(` ${channel}`)) this.#giveUp(key, new Error('released'));
    }
  }

  close(): void {
    this.#closed = true;
    for (const key of [...this.#open.keys()]) this.#giveUp(key, new Error('closed'));
  }

  async #ask<Answer>(
    address: Address,
    channel: string,
    question: (connection: BrokerConnection) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#closed) throw logClosed();
    const key = `${format(address)} ${channel}`;
    const connection = this.#connectionFor(key, address);
    try {
      await this.#ready(key, connection);
      return await question(connection);
    } catch (error) {
      if (!isProtocolError(error)) this.#giveUpAfter(error, key, connection);
      throw error;
    }
  }

  async #ready(key: string, connection: BrokerConnection): Promise<void> {
    let opening = this.#opening.get(connection);
    if (opening === undefined) {
      if (connection.isConnected()) return;
      opening = this.#connect(key, connection);
      this.#opening.set(connection, opening);
    }
    await opening;
  }

  async #connect(key: string, connection: BrokerConnection): Promise<void> {
    try {
      await within(READY_MS, connection.connect());
      // Given up while it was being opened: nobody would close it any more, and it would keep the process alive.
      if (this.#open.get(key) !== connection) {
        const reason = new Error('given up while it was opened');
        destroyConnection(connection, reason);
        throw reason;
      }
    } catch (error) {
      this.#giveUpAfter(error, key, connection);
      throw error;
    } finally {
      this.#opening.delete(connection);
    }
  }

  #giveUpAfter(error: unknown, key: string, connection: BrokerConnection): void {
    if (this.#open.get(key) !== connection) return;
    this.#giveUp(key, error instanceof Error ? error : new Error(String(error)));
  }

  #connectionFor(key: string, address: Address): BrokerConnection {
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const { ssl, sasl, clientId, logger } = this.#options;
    const connection = createBrokerConnection({
      ...address,
      ssl,
      sasl,
      clientId,
      logger,
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
    });
    this.#open.set(key, connection);
    return connection;
  }

  #giveUp(key: string, reason: Error): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (open !== undefined) destroyConnection(open, reason);
  }

  #candidates(): Address[] {
    const all = [...this.#nodes.values(), ...this.#bootstrap];
    if (this.#lastAnswer !== undefined) all.unshift(this.#lastAnswer);
    return [...new Map(all.map((address) => [format(address), address])).values()];
  }
}

/** The broker answered, with an error code: the connection is fine. */
function isProtocolError(error: unknown): boolean {
  return error instanceof Error && 'type' in error && 'code' in error && typeof error.code === 'number';
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ready within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(text.slice(colon + 1)) };
}

function format({ host, port }: Address): string {
  return `${host}:${port}`;
}
