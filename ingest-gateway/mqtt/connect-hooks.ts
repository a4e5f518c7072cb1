import { randomUUID } from 'node:crypto';
import type { Client, ConnectPacket } from 'aedes';
import {
  type AuthenticationPolicy,
  authenticate,
  type Pass,
  type Refusal,
} from '#ingest-gateway/devices/authentication.ts';
import type { BanList } from '#ingest-gateway/devices/bans/ban-list.ts';
import type { FlappingWatch } from '#ingest-gateway/devices/bans/flapping.ts';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { DeviceRegistry } from '#ingest-gateway/intake/device-registry.ts';
import type { ForwardingRight } from '#ingest-gateway/intake/forwarding.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { pause } from '#runtime/retry.ts';
import { forgetPassword, internalsOf } from './aedes-internals.ts';
import { judgeConnect } from './connect-policy.ts';
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';

export interface ConnectOptions {
  readonly limits: GatewayLimits;
  readonly ackDeadlineMs: number;
  readonly authentication: AuthenticationPolicy;
}

export interface ConnectParts {
  readonly connections: ConnectionTable;
  readonly devices: DeviceRegistry;
  /** Of the whole gateway. */
  readonly budget: InflightBudget;
  readonly telemetry: IngestTelemetry;
  readonly isLogUp: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly isStopping: () => boolean;
  readonly bans: BanList;
  readonly flapping: FlappingWatch;
  /** Whether a client without an id gets one: it can be of use when mappings say whose readings it sends. */
  readonly namesClients: () => boolean;
}

/**
 * What a login that is not the right one comes to. Their answers leave at the same time after the CONNECT, whether the
 * id is known or not, and whatever kind of hash was looked at: the time would tell one from the other.
 */
const LOGIN_REFUSALS: ReadonlySet<RefusalReason> = new Set(['bad-credentials', 'login-throttled']);

/** Because of which nobody is to blame for a CONNECT that came to nothing. */
const OURS: ReadonlySet<RefusalReason> = new Set([
  'too-many-connections',
  'authentication-busy',
  'log-unavailable',
  'shutting-down',
  'internal-error',
]);

/** Moments over which answers are spread that say "busy": who gets one comes back at once. */
const BUSY_SPREAD = 16;

/** CONNACK return codes other than 0 can be given from this hook only. */
export type AuthenticateCallback = (
  error: (Error & { returnCode: number }) | null,
  success: boolean | null,
) => void;

/**
 * What happens between a parsed CONNECT and the first PUBLISH, in the order of the methods. Each answers in any case:
 * aedes leaves a socket open for ever when a hook does not.
 */
export class ConnectHooks {
  readonly #options: ConnectOptions;
  readonly #parts: ConnectParts;
  #logins = 0;

  constructor(options: ConnectOptions, parts: ConnectParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Changes the packet to what the client can have. Nothing more is read from it until `opened`. */
  preConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: Error | null, success: boolean) => void,
  ): void {
    const { telemetry, connections } = this.#parts;
    const connection = connections.of(client);
    if (connection === undefined) throw new Error('a CONNECT without a connection');
    const judgement = judgeConnect(packet, this.#options.limits.maxKeepaliveSeconds);
    if (this.#isToBeNamed(packet)) packet.clientId = `anonymous-${randomUUID().slice(0, 13)}`;
    connection.greet({ ...judgement, clientId: packet.clientId });
    connection.gate.hold();
    if (judgement.fatal !== undefined) {
      connections.refuse(connection, judgement.fatal);
      // An error: aedes does not close the socket for a mere "no".
      const { fatal } = judgement;
      connection.answers.refuseConnect(fatal, () => done(new Error(fatal), false));
      return;
    }
    for (const kind of judgement.tolerated) telemetry.tolerated(kind);
    Object.assign(packet, judgement.changes);
    delete packet.will;
    connection.answers.connecting(packet);
    // Watched by us (`registered`): aedes would end a client whose packets lie unread.
    packet.keepalive = 0;
    done(null, true);
  }

  /** A server may name a client that asks for no session [MQTT-3.1.3-6]; MQTT 5 would have to tell it. */
  #isToBeNamed({ clientId, clean, protocolVersion = 4 }: ConnectPacket): boolean {
    const { authentication } = this.#options;
    if (clientId !== '' || clean !== true || protocolVersion > 4) return false;
    return authentication.allowAnonymous && this.#parts.namesClients();
  }

  async authenticate(
    client: Client,
    username: string | undefined,
    password: Uint8Array | undefined,
    done: AuthenticateCallback,
  ): Promise<void> {
    const { connections, isStopping, isLogUp } = this.#parts;
    const connection = connections.of(client);
    forgetPassword(internalsOf(client));
    const startedAt = performance.now();
    let outcome: Refusal | Pass;
    if (isStopping() || connection === undefined) outcome = { reason: 'shutting-down', returnCode: 3 };
    else if (!isLogUp()) outcome = { reason: 'log-unavailable', returnCode: 3 };
    else {
      connection.judged('awaits-us');
      outcome = await this.#authenticateInTime(connection, username, password);
    }
    if ('by' in outcome && this.#isFullFor(connection)) {
      outcome = { reason: 'too-many-connections', returnCode: 3 };
    }
    if ('by' in outcome) {
      // Gone, or refused for what came behind its CONNECT: it takes no place, and nobody else's.
      if (connection?.connect === undefined || client.closed || connection.refusal !== undefined) return;
      connection.pass = outcome;
      // Before aedes closes it.
      this.#replace(connections.boundTo(connection.connect.clientId), connection.address);
      return done(null, true);
    }
    const { reason, returnCode, detail } = outcome;
    if (connection?.closed.aborted === false) {
      connections.refuse(connection, reason, detail);
      connection.judged(OURS.has(reason) ? 'our-fault' : 'refused');
      if (LOGIN_REFUSALS.has(reason)) await this.#untilRefusalsLeave(startedAt, connection.closed);
    }
    const sayNo = (): void => done(Object.assign(new Error(reason), { returnCode }), false);
    if (connection === undefined) sayNo();
    else connection.answers.refuseConnect(reason, sayNo);
  }

  /** In steps that hold the slowest hash of late, so that neither a costly one nor a slow machine tells. */
  async #untilRefusalsLeave(startedAt: number, closed: AbortSignal): Promise<void> {
    const { limits, authentication } = this.#options;
    const { loginRefusalMs } = limits;
    if (loginRefusalMs === 0) return;
    const slowestMs = authentication.credentials?.slowestCheckMs ?? 0;
    const stepMs = loginRefusalMs * Math.max(1, Math.ceil(slowestMs / loginRefusalMs));
    await pause(stepMs - ((performance.now() - startedAt) % stepMs), closed);
  }

  /** The device of a connection has come in a second time. */
  #replace(before: Connection | undefined, address: string): void {
    if (before?.device === undefined || before.isReplaced) return;
    const { device, address: olderAddress } = before;
    before.isReplaced = true;
    device.takenOver({ at: this.#parts.now(), from: olderAddress, to: address });
    this.#parts.telemetry.takenOver(device.id, address, olderAddress);
    before.leaveTo(before.answers.farewell('takenOver'));
  }

  /** aedes registered the client and will answer CONNACK 0. */
  registered(client: Client): void {
    const { devices, connections } = this.#parts;
    const connection = connections.of(client);
    if (connection === undefined) {
      client.close();
      return;
    }
    const { clientId = '', keepaliveWaitMs = Infinity } = connection.connect ?? {};
    connection.ackDeadlineMs = Math.min(this.#options.ackDeadlineMs, keepaliveWaitMs);
    this.#noteFlapping(clientId);
    // One that came in while this one was being let in.
    const device = devices.admit(clientId, connection.address);
    device.forwarding.right = forwardingRight(clientId, connection.pass, this.#options);
    device.mqttVersion = connection.answers.version;
    this.#replace(connections.bind(connection, device), connection.address);
    connection.judged('let-in');
    connection.answers.accepted(clientId);
    connection.keepalive.begin(
      connection.connect?.changes.keepalive ?? 0,
      () => connection.gate.isBehind,
      () => connections.end(connection, 'keepalive-timeout'),
    );
  }

  /** CONNACK 0 is sent, and the packets that came together with the CONNECT were handled. */
  opened(connection: Connection): void {
    const { device, client } = connection;
    // Replaced in the meantime: aedes says "connected" all the same. What is unread is for `Publishes`.
    if (device === undefined || client.closed || this.#parts.isStopping()) return;
    connection.gate.open({ budgets: [device.budget, this.#parts.budget], bucket: device.bucket });
  }

  /** The last places are kept for devices that were here before. */
  #isFullFor(connection: Connection | undefined): boolean {
    const { connections, devices } = this.#parts;
    const isFull = connections.connectedDevices >= this.#options.limits.connections;
    return isFull && !devices.has(connection?.connect?.clientId ?? '');
  }

  #noteFlapping(deviceId: string): void {
    const { bans, flapping, now } = this.#parts;
    const keptOutMs = flapping.connected(deviceId);
    if (keptOutMs === 0) return;
    const [since, until] = [now(), now() + keptOutMs].map((ms) => new Date(ms).toISOString()) as [
      string,
      string,
    ];
    // In a turn of its own: it ends the connection that is about to begin.
    setImmediate(() =>
      bans.add({ device: deviceId, since, until, reason: 'connects over and over', by: 'gateway' }),
    );
  }

  async #authenticateInTime(
    { connect, certificate, address, closed }: Connection,
    username: string | undefined,
    password: Uint8Array | undefined,
  ): Promise<Refusal | Pass> {
    const { authentication } = this.#options;
    const busy = Promise.withResolvers<Refusal>();
    const tellBusy = (): void => busy.resolve({ reason: 'authentication-busy', returnCode: 3 });
    const timer = setTimeout(tellBusy, this.#patienceMs());
    closed.addEventListener('abort', tellBusy, { once: true });
    const claim = {
      clientId: connect?.clientId ?? '',
      username,
      password,
      certificateName: certificate?.name,
      address,
    };
    try {
      const outcome = await Promise.race([authenticate(claim, authentication), busy.promise]);
      return 'reason' in outcome && outcome.reason === 'authentication-busy' ? await busy.promise : outcome;
    } catch (error) {
      this.#parts.telemetry.hookFailed('authenticate', error);
      return { reason: 'internal-error', returnCode: 3 };
    } finally {
      clearTimeout(timer);
      closed.removeEventListener('abort', tellBusy);
    }
  }

  /**
   * How long a login may wait: for as long as clients do. Whoever is told to come back does so at once, and costs by that; so
   * nobody is told sooner, and not all in one moment.
   */
  #patienceMs(): number {
    this.#logins = (this.#logins + 1) % BUSY_SPREAD;
    return this.#options.limits.busyAnswerMs * (1 + this.#logins / BUSY_SPREAD);
  }
}

/** For whom a client may speak besides itself. Who came without a password is believed everything, as it is told at start. */
function forwardingRight(
  id: string,
  pass: Pass | undefined,
  { authentication: { credentials }, limits }: ConnectOptions,
): ForwardingRight {
  const { forwards: filters = [], maxDevices = limits.forwardedDevices } = credentials?.terms(id) ?? {};
  if (filters.length > 0) return { kind: 'topics', filters, maxDevices };
  return pass?.by === 'nothing' ? { kind: 'any', maxDevices } : { kind: 'own' };
}
