import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { type AuthenticationPolicy, authenticate, type Refusal } from '#ingest-gateway/authentication.ts';
import type { DeviceRegistry } from '#ingest-gateway/devices/device-registry.ts';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { PublishCallback } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import type { IngestTelemetry, RefusalReason } from '#ingest-gateway/telemetry.ts';
import { assertKnownAedes, internalsOf } from './aedes-internals.ts';
import { classifyClientError } from './client-error.ts';
import { judgeConnect } from './connect-policy.ts';
import { type Arrival, Connection } from './connection.ts';
import { limitPacketSize } from './packet-limit.ts';
import { ReadGate } from './read-gate.ts';

export interface MqttBrokerOptions {
  readonly limits: GatewayLimits;
  readonly ackDeadlineMs: number;
  readonly authentication: AuthenticationPolicy;
}

export interface MqttBrokerParts {
  readonly devices: DeviceRegistry;
  readonly intake: MessageIntake;
  /** Of the whole gateway. */
  readonly budget: InflightBudget;
  readonly telemetry: IngestTelemetry;
  readonly isLogUp: () => boolean;
}

type AuthenticateCallback = (error: (Error & { returnCode: number }) | null, success: boolean | null) => void;

/** What a client's publish leaves behind in aedes (QoS 2 keeps it until PUBREL): nobody needs its payload there. */
const NO_PAYLOAD = Buffer.alloc(0);

/**
 * aedes as an ingest-only broker. It speaks MQTT; every decision is taken in its hooks, which this class fills:
 *
 *     socket ─▶ ReadGate ─▶ aedes parser (size limit) ─▶ preConnect ─▶ authenticate ─▶ authorizePublish ─▶ MessageIntake
 *                                                                       refuse: CONNACK    acknowledges when durable
 *
 * `authorizePublish` is the only hook that aedes awaits before PUBACK, so the append is awaited there
 * (moscajs/aedes#808). Nothing is delivered to anybody: `publish` completes at once, subscriptions are refused, and
 * neither sessions, wills, retained messages nor `$SYS` exist.
 *
 * Modes: *running* → *stopping* (`stop`: CONNECT is answered with 3, no socket is read, messages in flight are awaited
 * and their acknowledgements flushed) → *stopped*.
 */
export class MqttBroker {
  readonly #options: MqttBrokerOptions;
  readonly #parts: MqttBrokerParts;
  readonly #aedes: Aedes;
  readonly #connections = new Map<Client, Connection>();
  /** The live connection of each device, in our own books: aedes loses count when takeovers cross. */
  readonly #byDevice = new Map<string, Connection>();
  #paused = 0;
  #stopping = false;

  private constructor(options: MqttBrokerOptions, parts: MqttBrokerParts) {
    this.#options = options;
    this.#parts = parts;
    const { limits } = options;
    this.#aedes = new Aedes({
      connectTimeout: limits.connectMs,
      // Packets that come in one slice with the CONNECT; the shortest packet has 2 bytes.
      queueLimit: limits.packetBytesBeforeConnect,
      // MQTT 3.1 allows 23, but many such clients use more.
      maxClientsIdLength: 64,
      maxTopicLevels: 100,
      preConnect: this.#hook('preConnect', (client: Client, packet: ConnectPacket, done) =>
        this.#preConnect(client, packet, done),
      ),
      authenticate: (client, username, password, done) =>
        void this.#authenticate(client, username, password, done as AuthenticateCallback),
      authorizePublish: this.#hook('authorizePublish', (client: Client | null, packet: PublishPacket, done) =>
        this.#authorizePublish(client, packet, done),
      ),
      authorizeSubscribe: (client, _subscription, done) => {
        this.#parts.telemetry.tolerated('subscription');
        // A SUBSCRIBE can hold thousands of filters.
        this.#connections.get(client)?.device?.bucket.take(1);
        done(null, null);
      },
      authorizeForward: () => null,
    });
    assertKnownAedes(this.#aedes);
    // Delivery to nobody is a quarter of the work of a publish; and without it `$SYS` messages are empty calls, too.
    this.#aedes.publish = ((_packet: unknown, client: unknown, done?: PublishCallback) => {
      if (typeof client === 'function') client();
      else done?.();
    }) as Aedes['publish'];
  }

  static async start(options: MqttBrokerOptions, parts: MqttBrokerParts): Promise<MqttBroker> {
    const broker = new MqttBroker(options, parts);
    broker.#listenToAedes();
    await broker.#aedes.listen();
    return broker;
  }

  get connectedDevices(): number {
    return this.#byDevice.size;
  }

  get pausedDevices(): number {
    return this.#paused;
  }

  /** Takes over an accepted socket. */
  accept(arrival: Arrival): void {
    const { limits } = this.#options;
    const { telemetry } = this.#parts;
    const { stream } = arrival;
    if (this.#connections.size >= limits.connections) {
      telemetry.refused('too-many-connections', undefined, undefined);
      stream.on('error', () => undefined).destroy();
      return;
    }
    const gate = new ReadGate(stream, (paused) => {
      this.#paused += paused ? 1 : -1;
    });
    const closed = new AbortController();
    const client = this.#aedes.handle(stream);
    const connection = new Connection(arrival, client, gate, closed.signal);
    this.#connections.set(client, connection);
    gate.attach(internalsOf(client));
    limitPacketSize(
      internalsOf(client),
      () => (connection.connect === undefined ? limits.packetBytesBeforeConnect : limits.packetBytes),
      (bytes) => this.#refuse(connection, 'packet-too-large', `${bytes} bytes`),
    );
    internalsOf(client)._parser.on('packet', ({ cmd }) => {
      if (cmd !== 'pubrel') connection.device?.bucket.take(1);
    });
    // After aedes handled what came with the CONNECT; it added its listener first.
    client.once('connected', () => this.#open(connection));
    stream.once('close', () => {
      closed.abort();
      this.#forget(connection);
    });
  }

  /** Ends the connection of a device whose credentials are not valid any more. */
  disconnect(deviceId: string, reason: RefusalReason): void {
    for (const connection of this.#connections.values()) {
      if (connection.connect?.clientId !== deviceId) continue;
      this.#refuse(connection, reason);
      connection.client.close();
    }
  }

  /**
   * Stops without losing an earned acknowledgement. The listeners must be closed already. Order matters: a socket that
   * is destroyed with unread input sends RST, which throws away acknowledgements that the device has not read yet.
   */
  async stop(): Promise<void> {
    const { shutdownAppendsMs, shutdownLingerMs } = this.#options.limits;
    const { budget, telemetry } = this.#parts;
    this.#stopping = true;
    for (const { gate, device } of this.#connections.values()) if (device !== undefined) gate.hold();
    await Promise.race([budget.idle(), sleep(shutdownAppendsMs, undefined, { ref: false })]);
    const unacknowledged = budget.messages;
    // QoS 2 writes its PUBREC some promises later than its message became durable.
    await sleep(0);
    const ends = [...this.#connections.values()].map(({ stream, gate }) => {
      gate.discardInput();
      stream.end();
      return new Promise<void>((resolve) => {
        if (stream.closed) resolve();
        else stream.once('close', () => resolve());
      });
    });
    await Promise.race([Promise.all(ends), sleep(shutdownLingerMs, undefined, { ref: false })]);
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    for (const { stream } of this.#connections.values()) stream.destroy();
    telemetry.stopped(unacknowledged);
  }

  #preConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: Error | null, success: boolean) => void,
  ): void {
    const { telemetry } = this.#parts;
    const { maxKeepaliveSeconds } = this.#options.limits;
    const connection = this.#connectionOf(client);
    const judgement = judgeConnect(packet, maxKeepaliveSeconds);
    connection.connect = { ...judgement, clientId: packet.clientId };
    connection.gate.hold();
    if (judgement.fatal !== undefined) {
      this.#refuse(connection, judgement.fatal);
      // An error, because aedes would leave the socket open for ever without one.
      done(new Error(judgement.fatal), false);
      return;
    }
    for (const kind of judgement.tolerated) telemetry.tolerated(kind);
    Object.assign(packet, judgement.changes);
    delete packet.will;
    done(null, true);
  }

  async #authenticate(
    client: Client,
    username: string | undefined,
    password: Uint8Array | undefined,
    done: AuthenticateCallback,
  ): Promise<void> {
    const connection = this.#connections.get(client);
    const clientId = connection?.connect?.clientId ?? '';
    let refusal: Refusal | undefined;
    if (this.#stopping || connection === undefined) refusal = { reason: 'shutting-down', returnCode: 3 };
    else if (!this.#parts.isLogUp()) refusal = { reason: 'log-unavailable', returnCode: 3 };
    else {
      const { certificateName, closed } = connection;
      const timeout = AbortSignal.timeout(this.#options.limits.authenticateMs);
      const signal = AbortSignal.any([timeout, closed]);
      const late = new Promise<Refusal>((resolve) => {
        timeout.addEventListener('abort', () => resolve({ reason: 'authenticate-timeout', returnCode: 3 }));
      });
      const claim = { clientId, username, password, certificateName };
      try {
        refusal = await Promise.race([authenticate(claim, this.#options.authentication, signal), late]);
      } catch (error) {
        this.#parts.telemetry.hookFailed('authenticate', error);
        refusal = { reason: 'internal-error', returnCode: 3 };
      }
    }
    if (refusal === undefined) return done(null, true);
    if (connection?.closed.aborted === false) this.#refuse(connection, refusal.reason);
    done(Object.assign(new Error(refusal.reason), { returnCode: refusal.returnCode }), false);
  }

  /** The CONNECT is accepted, and the packets that came with it were handled. */
  #open(connection: Connection): void {
    const { device } = connection;
    if (device === undefined || this.#stopping) return;
    connection.gate.open({ budgets: [device.budget, this.#parts.budget], bucket: device.bucket });
  }

  /** aedes registered the client, and will answer CONNACK 0. */
  #register(client: Client): void {
    const { devices, telemetry } = this.#parts;
    const connection = this.#connectionOf(client);
    const { clientId = '', keepaliveWaitMs = Infinity } = connection.connect ?? {};
    const device = devices.admit(clientId);
    const before = this.#byDevice.get(device.id);
    connection.device = device;
    connection.ackDeadlineMs = Math.min(this.#options.ackDeadlineMs, keepaliveWaitMs);
    device.connected = true;
    this.#byDevice.set(device.id, connection);
    if (before === undefined) return;
    telemetry.tolerated('takeover');
    before.client.close();
  }

  #authorizePublish(client: Client | null, packet: PublishPacket, done: PublishCallback): void {
    const { telemetry, intake } = this.#parts;
    const connection = client === null ? undefined : this.#connections.get(client);
    const device = connection?.device;
    if (connection === undefined || device === undefined) throw new Error('a publish without a device');
    if (packet.topic !== device.topic) {
      this.#refuse(connection, 'foreign-topic', packet.topic.slice(0, 128));
      setImmediate(done, new Error('foreign topic'));
      return;
    }
    if (packet.retain) {
      telemetry.tolerated('retain');
      packet.retain = false;
    }
    const { acknowledgements, ackDeadlineMs } = connection;
    // The payload is a view on the socket's chunk.
    const payload = Buffer.from(packet.payload as Buffer);
    packet.payload = NO_PAYLOAD;
    intake.receive({ device, acknowledgements, ackDeadlineMs, qos: packet.qos, payload }, done);
  }

  #listenToAedes(): void {
    const { telemetry } = this.#parts;
    this.#aedes.on('client', (client) => this.#register(client));
    const onError = (client: Client, error: Error): void => {
      const connection = this.#connections.get(client);
      const reason = classifyClientError(error);
      if (connection !== undefined && reason !== undefined) this.#refuse(connection, reason, error.message);
    };
    this.#aedes.on('clientError', onError);
    this.#aedes.on('connectionError', onError);
    (this.#aedes as NodeJS.EventEmitter).on('error', (error: unknown) => telemetry.brokerFailed(error));
  }

  /** Counts why we end a connection, once for each. */
  #refuse(connection: Connection, reason: RefusalReason, detail?: string): void {
    if (connection.refusal !== undefined) return;
    connection.refusal = reason;
    this.#parts.telemetry.refused(reason, connection.connect?.clientId.slice(0, 64), detail);
  }

  #forget(connection: Connection): void {
    const { client, device, gate, acknowledgements } = connection;
    this.#connections.delete(client);
    gate.dispose();
    acknowledgements.discard();
    if (device === undefined || this.#byDevice.get(device.id) !== connection) return;
    this.#byDevice.delete(device.id);
    device.connected = false;
  }

  #connectionOf(client: Client): Connection {
    const connection = this.#connections.get(client);
    if (connection === undefined) throw new Error('a client without a connection');
    return connection;
  }

  /** A throw in a hook would end the process: it ends the client instead. */
  #hook<Subject, Packet, Done extends (error: Error, success: boolean) => void>(
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
