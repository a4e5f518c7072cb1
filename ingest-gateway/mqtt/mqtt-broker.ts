import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes, type Client, type ConnectPacket } from 'aedes';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import { MemoryBudget } from '#ingest-gateway/memory-budget.ts';
import type { Arrival } from '#ingest-gateway/mqtt/listeners/listener.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { handleWithoutEnd, internalsOf } from './aedes-internals.ts';
import { classifyClientError } from './client-error.ts';
import {
  type AuthenticateCallback,
  ConnectHooks,
  type ConnectOptions,
  type ConnectParts,
} from './connect-hooks.ts';
import type { Connection } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { endGracefully } from './end-gracefully.ts';
import { guardConnection } from './guard-connection.ts';
import type { PublishParts } from './handle-publish.ts';
import { assertKnownVersions } from './installed-versions.ts';
import { LeftInput } from './left-input.ts';
import { type Mqtt5Parts, offerMqtt5 } from './mqtt5-answers.ts';
import { Publishes } from './publishes.ts';
import { setFiltersAside } from './set-aside-filters.ts';
import { SessionMemory } from './v5/session-memory.ts';

export interface MqttBrokerParts extends Omit<ConnectParts, 'connections' | 'isStopping'> {
  readonly intake: MessageIntake;
}

/**
 * aedes as an ingest-only broker. It speaks MQTT; every decision is taken in its hooks:
 *
 *     socket ─▶ ReadGate ─▶ aedes parser ─▶ guards ─▶ aedes: preConnect ─▶ authenticate ─▶ CONNACK, PINGRESP, SUBACK
 *                                             └─▶ Publishes ─▶ MessageIntake ─▶ Answers: PUBACK, PUBREC when durable
 *
 * Nothing is delivered to anybody: `publish` completes at once, subscriptions are refused, and neither sessions, wills,
 * retained messages nor `$SYS` exist.
 *
 * Modes: *running* → *stopping* (`stop`: CONNECT is answered with 3, no device is read from, messages in flight are
 * awaited and their acknowledgements flushed) → *stopped*.
 */
export class MqttBroker {
  readonly #options: ConnectOptions;
  readonly #parts: MqttBrokerParts;
  readonly #aedes: Aedes;
  readonly #connections: ConnectionTable;
  readonly #connectHooks: ConnectHooks;
  readonly #partialPackets: MemoryBudget;
  readonly #unreadInput: MemoryBudget;
  readonly #leftInput: LeftInput;
  readonly #publishParts: PublishParts;
  readonly #mqtt5Parts: Mqtt5Parts;
  #stopping = false;

  private constructor(options: ConnectOptions, parts: MqttBrokerParts) {
    this.#options = options;
    this.#parts = parts;
    const { limits } = options;
    const sessions = new SessionMemory({
      maxExpirySeconds: limits.sessionExpirySeconds,
      sessions: limits.sessions,
      now: () => performance.now(),
    });
    this.#unreadInput = new MemoryBudget(limits.unreadInputBytes);
    this.#leftInput = new LeftInput(limits.packetsPerTurn);
    this.#connections = new ConnectionTable(
      parts.telemetry,
      limits.packetsPerTurn,
      this.#unreadInput,
      parts.now,
      (deviceId) => sessions.end(deviceId),
    );
    this.#connectHooks = new ConnectHooks(options, {
      ...parts,
      connections: this.#connections,
      isStopping: () => this.#stopping,
    });
    this.#partialPackets = new MemoryBudget(limits.partialPacketBytes);
    this.#publishParts = { ...parts, connections: this.#connections };
    this.#mqtt5Parts = { limits, sessions, publishes: this.#publishParts };
    this.#aedes = this.#createAedes();
  }

  /** @throws PipelineError `configuration`: packages are installed that the guards were not made for. */
  static async start(options: ConnectOptions, parts: MqttBrokerParts): Promise<MqttBroker> {
    assertKnownVersions();
    const broker = new MqttBroker(options, parts);
    await broker.#aedes.listen();
    return broker;
  }

  get connectedDevices(): number {
    return this.#connections.connectedDevices;
  }

  get pausedDevices(): number {
    return this.#connections.pausedDevices;
  }

  /** For what holds input before it comes here. */
  get partialPackets(): MemoryBudget {
    return this.#partialPackets;
  }

  /** Of input that was read from sockets. */
  get unreadBytes(): number {
    return this.#unreadInput.bytes;
  }

  /** Takes over an accepted socket. */
  accept(arrival: Arrival): void {
    const { limits } = this.#options;
    const { stream, address } = arrival;
    const connection = this.#connections.add(arrival, () => handleWithoutEnd(this.#aedes, stream));
    // Since it came to the door.
    if (this.#parts.bans.address(address) !== undefined) {
      this.#connections.end(connection, 'banned');
      return;
    }
    const { client, gate } = connection;
    const aedes = internalsOf(client);
    gate.attach(aedes);
    setFiltersAside(aedes);
    offerMqtt5(connection, this.#mqtt5Parts);
    // Before it is asked whether everything is answered.
    client.once('connected', () => connection.answers.opened());
    const publishes = new Publishes(connection, this.#publishParts, this.#leftInput);
    guardConnection(connection, {
      publishes,
      ...this.#parts,
      limits,
      connections: this.#connections,
      partialPackets: this.#partialPackets,
    });
    // Comes after aedes handled what it had queued: its own listener is older.
    client.once('connected', () => this.#connectHooks.opened(connection));
  }

  /** Ends connections that may not be there any more. */
  disconnect(reason: RefusalReason, isMeant: (connection: Connection) => boolean): void {
    for (const connection of this.#connections)
      if (isMeant(connection)) this.#connections.end(connection, reason);
  }

  /** The device may send more, or less, than a moment ago. */
  allowanceChanged(deviceId: string): void {
    this.#connections.boundTo(deviceId)?.gate.allowanceChanged();
  }

  /** Stops without losing an earned acknowledgement. The listeners must be closed already. */
  async stop(): Promise<void> {
    const { shutdownAppendsMs, shutdownLingerMs } = this.#options.limits;
    const { budget, telemetry } = this.#parts;
    this.#stopping = true;
    // Who has not said CONNECT yet is still read, and answered.
    for (const { gate, device } of this.#connections) if (device !== undefined) gate.hold();
    const appended = (): Promise<void> =>
      Promise.race([budget.idle(), sleep(shutdownAppendsMs, undefined, { ref: false })]);
    await appended();
    let unacknowledged = budget.messages;
    // Answers are written at the end of the turn in which they were earned.
    await sleep(0);
    await endGracefully(this.#connections, shutdownLingerMs);
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    for (const { stream, leave } of this.#connections) {
      stream.destroy();
      leave();
    }
    this.#leftInput.finishAll();
    // What the last ones left comes on top of what nobody waits for any more.
    if (unacknowledged === 0) {
      await appended();
      unacknowledged = budget.messages;
    }
    telemetry.stopped(unacknowledged);
  }

  #createAedes(): Aedes {
    const { limits } = this.#options;
    const { telemetry } = this.#parts;
    const hooks = this.#connectHooks;
    const aedes = new Aedes({
      connectTimeout: limits.connectMs,
      // Packets that come in one slice with the CONNECT: there cannot be more.
      queueLimit: limits.packetBytesBeforeConnect,
      // MQTT 3.1 allows 23, but many such clients use more.
      maxClientsIdLength: 64,
      preConnect: this.#guarded('preConnect', (client: Client, packet: ConnectPacket, done) =>
        hooks.preConnect(client, packet, done),
      ),
      authenticate: (client, username, password, done) => {
        hooks
          .authenticate(client, username, password, done as AuthenticateCallback)
          .catch((error: unknown) => {
            telemetry.hookFailed('authenticate', error);
            client.close();
          });
      },
      // Those of devices do not come here (`Publishes`): a PUBLISH that does is nobody's.
      authorizePublish: (_client, _packet, done) => done(new Error('internal error')),
      authorizeSubscribe: (_client, _subscription, done) => {
        telemetry.tolerated('subscription');
        done(null, null);
      },
      authorizeForward: () => null,
    });
    // `$SYS` messages, which are for nobody, become empty calls.
    aedes.publish = ((_packet: unknown, client: unknown, done?: () => void) => {
      if (typeof client === 'function') client();
      else done?.();
    }) as Aedes['publish'];
    aedes.on('client', (client) => hooks.registered(client));
    const onError = (client: Client, error: Error): void => this.#onClientError(client, error);
    aedes.on('clientError', onError);
    aedes.on('connectionError', onError);
    (aedes as NodeJS.EventEmitter).on('error', (error: unknown) => telemetry.brokerFailed(error));
    return aedes;
  }

  /** aedes ends a connection by itself. */
  #onClientError(client: Client, error: Error): void {
    const connection = this.#connections.of(client);
    const reason = classifyClientError(error);
    if (connection !== undefined && reason !== undefined) {
      this.#connections.refuse(connection, reason, error.message);
    }
  }

  /** A throw in a hook would end the process: it ends the client instead. */
  #guarded<Subject, Packet, Done extends (error: Error, success: boolean) => void>(
    name: string,
    hook: (subject: Subject, packet: Packet, done: Done) => void,
  ): (subject: Subject, packet: Packet, done: Done) => void {
    return (subject, packet, done) => {
      try {
        hook(subject, packet, done);
      } catch (error) {
        this.#parts.telemetry.hookFailed(name, error);
        setImmediate(done, new Error('internal error'), false);
      }
    };
  }
}
