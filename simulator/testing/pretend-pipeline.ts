import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { admit } from '#contract/admission.ts';
import { deviceIdOfTopic } from '#contract/device-topic.ts';
import type { LogRecord } from '#contract/log-record.ts';
import type { Reading } from '#contract/reading.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import type { StoredReading, TelemetryStore } from '#telemetry-store/telemetry-store.ts';

export const SCHEMAS = loadSchemas();

/** For tests: a broker in front of two arrays, judging payloads as the gateway does. The arrays may be tampered with. */
export class PretendPipeline implements AsyncDisposable {
  readonly stored: StoredReading[] = [];
  readonly letters: LogRecord[] = [];
  /** Payloads in the order in which they came, by device. */
  readonly received = new Map<string, Buffer[]>();
  readonly users: (readonly [name: string, password: string])[] = [];
  /** Return false to close the connection instead of acknowledging. */
  acknowledge: (deviceId: string, payload: Buffer) => boolean = () => true;
  /** TCP connections so far. */
  connections = 0;
  readonly #sockets = new Set<Socket>();
  #close: () => Promise<void> = async () => undefined;
  #port = 0;

  static async start(port = 0): Promise<PretendPipeline> {
    const pipeline = new PretendPipeline();
    const broker = await Aedes.createBroker({
      authenticate: (_client, username, password, callback) => {
        if (username !== undefined) pipeline.users.push([username, password?.toString() ?? '']);
        callback(null, true);
      },
      authorizePublish: (client, packet, callback) => {
        const deviceId = deviceIdOfTopic(packet.topic) ?? '';
        const payload = Buffer.from(packet.payload);
        const acknowledged = deviceId === client?.id && pipeline.acknowledge(deviceId, payload);
        pipeline.take(deviceId, payload);
        // Not at once: closing a connection would take PUBACKs with it that were earned in the same turn.
        if (acknowledged) callback(null);
        else setImmediate(() => callback(new Error('not now')));
      },
    });
    const server = createServer((socket) => {
      pipeline.connections++;
      pipeline.#sockets.add(socket);
      socket.once('close', () => pipeline.#sockets.delete(socket));
      broker.handle(socket);
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    const address = server.address();
    pipeline.#port = typeof address === 'object' && address !== null ? address.port : 0;
    pipeline.#close = async () => {
      pipeline.cutConnections();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => broker.close(resolve));
    };
    return pipeline;
  }

  get url(): `mqtt://${string}` {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  take(deviceId: string, payload: Buffer): void {
    this.received.set(deviceId, [...(this.received.get(deviceId) ?? []), payload]);
    const { accepted, rejects } = admit(payload, Date.now(), SCHEMAS);
    for (const reading of accepted?.readings ?? []) this.#store(deviceId, reading);
    for (const { reason, bytes } of rejects) this.letter(deviceId, bytes, reason);
  }

  letter(deviceId: string, bytes: Uint8Array, reason: string): void {
    const partition = deviceId.length % 2;
    this.letters.push({
      topic: 'dlq',
      partition,
      offset: this.letters.filter((letter) => letter.partition === partition).length,
      key: Buffer.from(deviceId),
      value: Buffer.from(bytes),
      headers: { 'dlq.reason': reason },
      timestamp: 0,
    });
  }

  /** The parts of the port that verification uses. */
  get log(): EventLog {
    const { letters } = this;
    const log: Partial<EventLog> = {
      async *read(_topic, options) {
        for (const letter of [...letters]) {
          if (letter.offset >= (options?.from?.get(letter.partition) ?? Number.POSITIVE_INFINITY))
            yield letter;
        }
      },
      progress: async () =>
        [0, 1].map((partition) => ({
          partition,
          oldestOffset: 0,
          endOffset: letters.filter((letter) => letter.partition === partition).length,
          committedOffset: -1,
          backlog: 0,
          backlogSince: null,
        })),
      [Symbol.asyncDispose]: async () => undefined,
    };
    return log as EventLog;
  }

  /** Like {@link log}; `scanned` counts the readings that were handed out. */
  scanned = 0;
  get store(): TelemetryStore {
    const pipeline = this;
    const store: Partial<TelemetryStore> = {
      async *scan({ fromMs, toMs, deviceIds }) {
        for (const reading of [...pipeline.stored]) {
          if (reading.ts < fromMs || reading.ts >= toMs) continue;
          if (deviceIds !== undefined && !deviceIds.includes(reading.deviceId)) continue;
          pipeline.scanned++;
          yield reading;
        }
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
    return store as TelemetryStore;
  }

  #store(deviceId: string, reading: Reading): void {
    const sameAs = (other: StoredReading): boolean =>
      other.deviceId === deviceId && other.ts === reading.ts && other.schema === reading.schema;
    const at = this.stored.length > 5_000 ? -1 : this.stored.findIndex(sameAs);
    if (at < 0) this.stored.push({ deviceId, ...reading });
    else this.stored[at] = { deviceId, ...reading };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
