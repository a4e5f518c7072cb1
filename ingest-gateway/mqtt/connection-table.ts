import type { Client } from 'aedes';
import type { Device } from '#ingest-gateway/intake/device.ts';
import type { MemoryBudget } from '#ingest-gateway/memory-budget.ts';
import type { Arrival } from '#ingest-gateway/mqtt/listeners/listener.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { beginningOf } from '#runtime/own-text.ts';
import { Connection } from './connection.ts';
import { ReadGate } from './read-gate.ts';
import { Turns } from './turns.ts';
import { answerToRefusal } from './v5/answer-to-refusal.ts';

/** One for all: an `AbortError` with its stack for each costs more than all else that a closed connection does. */
const GONE = new Error('the connection is closed');

/**
 * The open connections: every accepted socket from `add` until its stream closes, and for each device the one that is
 * connected as it, from `bind` on. These are our own books: aedes has some, and loses count when takeovers cross.
 *
 * Of a connection: *accepted* (`add`) → *bound* (`bind`; the one before it of the same device is *replaced*, and no longer
 * stands for it) → *gone*, when its stream closes, from every mode. `refuse` only notes why it is going to end.
 */
export class ConnectionTable {
  readonly #telemetry: IngestTelemetry;
  readonly #turns: Turns;
  readonly #unreadInput: MemoryBudget;
  readonly #now: () => number;
  readonly #endSession: (deviceId: string) => void;
  readonly #byClient = new Map<Client, Connection>();
  readonly #byDevice = new Map<string, Connection>();
  #paused = 0;

  /**
   * @param packetsPerTurn that a connection may hand to its parser at once.
   * @param unreadInput of all connections.
   * @param now milliseconds since the epoch.
   * @param endSession a device has no MQTT 5 session any more.
   */
  constructor(
    telemetry: IngestTelemetry,
    packetsPerTurn: number,
    unreadInput: MemoryBudget,
    now: () => number,
    endSession: (deviceId: string) => void,
  ) {
    this.#telemetry = telemetry;
    this.#turns = new Turns(packetsPerTurn);
    this.#unreadInput = unreadInput;
    this.#now = now;
    this.#endSession = endSession;
  }

  get size(): number {
    return this.#byClient.size;
  }

  get connectedDevices(): number {
    return this.#byDevice.size;
  }

  get pausedDevices(): number {
    return this.#paused;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#byClient.values();
  }

  /** `undefined` when it is gone already. */
  of(client: Client | null): Connection | undefined {
    return client === null ? undefined : this.#byClient.get(client);
  }

  /** @param handle gives the stream to aedes; the gate must be on it before. */
  add(arrival: Arrival, handle: () => Client): Connection {
    const { stream } = arrival;
    const unread = {
      get isGone() {
        return stream.closed;
      },
      drop: (bytes: number) => {
        if (stream.closed) connection.isRestGivenUp = true;
        else this.drop(connection, 'unread-input', `${bytes} bytes`);
      },
    };
    const gate = new ReadGate(stream, this.#turns, {
      paused: (paused) => {
        this.#paused += paused ? 1 : -1;
        connection.device?.slow(paused, performance.now());
      },
      unread: (bytes) => this.#unreadInput.hold(unread, bytes),
      before: arrival.before,
    });
    const closing = new AbortController();
    const connection: Connection = new Connection(arrival, handle(), gate, closing.signal, this.#endSession);
    this.#byClient.set(connection.client, connection);
    stream.once('close', () => {
      closing.abort(GONE);
      this.#remove(connection);
    });
    return connection;
  }

  /** The connection of a device. */
  boundTo(deviceId: string): Connection | undefined {
    return this.#byDevice.get(deviceId);
  }

  /** The client proved to be `device`. @returns the connection that it had until now */
  bind(connection: Connection, device: Device): Connection | undefined {
    const before = this.#byDevice.get(device.id);
    connection.before = before;
    this.#byDevice.set(device.id, connection);
    connection.device = device;
    device.connected = true;
    device.connections.connected(this.#now(), connection.address);
    this.#telemetry.deviceConnected(device.id, connection.address);
    return before;
  }

  /** Counts why a connection ends, the first reason of each. */
  refuse(connection: Connection, reason: RefusalReason, detail?: string): void {
    if (connection.refusal !== undefined) return;
    connection.refusal = reason;
    const { connect, address } = connection;
    const deviceId = connect && beginningOf(connect.clientId, 64);
    this.#telemetry.refused({ reason, deviceId, address, detail });
  }

  /** Ends a connection that may not be there any more. */
  end(connection: Connection, reason: RefusalReason): void {
    this.refuse(connection, reason);
    if (connection.connect === undefined) connection.stream.destroy();
    else connection.end(connection.answers.farewell(answerToRefusal(reason, true)));
  }

  /** The memory is needed that it holds. */
  drop(connection: Connection, reason: RefusalReason, detail: string): void {
    this.refuse(connection, reason, detail);
    connection.leaveTo(connection.answers.farewell('quotaExceeded'));
    connection.client.close();
  }

  #remove(connection: Connection): void {
    const { client, device, gate, keepalive, acknowledgements } = connection;
    this.#byClient.delete(client);
    gate.dispose();
    keepalive.end();
    acknowledgements.discard();
    if (device === undefined) return;
    device.connections.disconnected(this.#now(), connection.address, connection.refusal);
    this.#telemetry.deviceDisconnected(device.id, connection.address, connection.refusal);
    if (this.#byDevice.get(device.id) !== connection) return;
    this.#byDevice.delete(device.id);
    device.connected = false;
  }
}
