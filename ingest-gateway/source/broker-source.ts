import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { Device } from '#ingest-gateway/intake/device.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs, pause } from '#runtime/retry.ts';
import type { SourceSettings } from '#runtime/settings.ts';
import {
  BrokerConnection,
  type BrokerLogin,
  type ConnectionEnd,
  type Greeting,
} from './broker-connection.ts';
import { dial } from './dial.ts';
import { NEVER_EXPIRES } from './our-packets.ts';
import { readSourceTls } from './source-tls.ts';
import type { SourceLevels, SourceTelemetry } from './telemetry.ts';

export interface BrokerSourceOptions {
  readonly url: string;
  readonly settings: SourceSettings;
  readonly limits: GatewayLimits;
  readonly ackDeadlineMs: number;
  readonly backoff?: Backoff | undefined;
}

export interface BrokerSourceParts extends Pick<Deps, 'random' | 'now'> {
  readonly intake: MessageIntake;
  readonly budget: InflightBudget;
  readonly telemetry: SourceTelemetry;
  readonly isLogUp: () => boolean;
  /** What to subscribe to now. */
  readonly filters: () => readonly string[];
}

const BACKOFF: Backoff = { firstDelayMs: 500, maxDelayMs: 30_000, jitter: 0.5 };
/** Topic with its length, packet id, length of properties: what a PUBLISH is acknowledged by, however little is kept of it. */
const HEAD_BYTES = 2 + 65_535 + 2 + 4;
const KEEPALIVE_SECONDS = 30;
/** A connection that lived for so long was a good one: the next failure is the first one again. */
const STEADY_MS = 60_000;
/** So many connections that were opened and ended by the broker within `STEADY_MS` each, one after the other: flapping. */
const FLAPPING_FROM = 3;
/** How often is looked whether the log can be written, and whether the filters are still those that are wanted. */
const LOOK_MS = 1_000;
/** After a subscription was refused: rights may be given later. */
const ASK_AGAIN_MS = 60_000;
/** Faster than any broker: what it hands over is bounded by what may be in flight. */
const UNLIMITED = 1e9;

/**
 * One broker that is there already: connects, subscribes, and takes what it has for us, for as long as the process
 * lives. Nothing that the broker says or does ends the process.
 *
 * States: *waiting* (the log cannot be written, or the last attempt failed: the back-off grows until a connection was
 * steady) → *connecting* → *subscribed*, or *restricted* (the broker does not grant everything: what it grants is taken,
 * the rest asked for again) → *waiting*. `#trouble` says why it is not *subscribed*; `stop` leads out of each.
 *
 * The rate of a device is no bound here: a broker that was away has hours of messages of each, and slowing down one of
 * them would hold up all. What is in flight is bounded, as everywhere.
 */
export class BrokerSource {
  readonly broker: string;
  readonly #options: BrokerSourceOptions;
  readonly #parts: BrokerSourceParts;
  readonly #login: BrokerLogin;
  readonly #client: Device;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #connection: BrokerConnection | undefined;
  /** Why nothing comes, or not everything; `undefined` = all is well. */
  #trouble: string | undefined = 'starting';
  /** The broker has had a session of ours, in the life of this process, … */
  #hadSession = false;
  /** … which holds these filters. */
  #granted: readonly string[] = [];
  /** When CONNACK came, on the clock of `performance.now()`; `undefined` = it did not. */
  #openedAt: number | undefined;
  /** Failures since the last steady connection, … */
  #failures = 0;
  /** … and how many of the last ones were connections that the broker ended, as it does for another client's sake. */
  #thrownOut = 0;

  constructor(options: BrokerSourceOptions, parts: BrokerSourceParts) {
    const { url, settings, limits, ackDeadlineMs } = options;
    this.#options = options;
    this.#parts = parts;
    this.broker = new URL(url).host;
    const { connectMs } = limits;
    const packetBytes = Math.max(limits.packetBytes, HEAD_BYTES);
    this.#login = { ...settings, keepaliveSeconds: KEEPALIVE_SECONDS, connectMs, ackDeadlineMs, packetBytes };
    const bounds = {
      ...limits,
      inflightMessagesPerDevice: limits.inflightMessages,
      inflightBytesPerDevice: limits.inflightBytes,
      messagesPerSecond: UNLIMITED,
      messageBurst: UNLIMITED,
    };
    this.#client = new Device(settings.clientId, bounds, parts.budget, parts.now(), this.broker);
    this.#client.forwarding.right = { kind: 'any', maxDevices: settings.maxDevices };
    this.#done = this.#run();
  }

  /** For readiness. */
  health(): { readonly up: boolean; readonly detail: string } {
    const trouble = this.#flapping() ?? this.#trouble;
    return { up: trouble === undefined, detail: `${this.broker}: ${trouble ?? 'subscribed'}` };
  }

  levels(): SourceLevels {
    return {
      broker: this.broker,
      connected: this.#trouble === undefined,
      inflightMessages: this.#client.budget.messages,
      paused: this.#connection?.paused ?? false,
    };
  }

  /** Loses no acknowledgement that was earned; at most `shutdownAppendsMs` + `shutdownLingerMs`. */
  async stop(): Promise<void> {
    const { shutdownAppendsMs, shutdownLingerMs } = this.#options.limits;
    this.#stopping.abort();
    await this.#connection?.stop(shutdownAppendsMs, shutdownLingerMs);
    await this.#done;
    const { messages } = this.#client.budget;
    if (messages > 0) this.#parts.telemetry.unacknowledged(messages);
  }

  async #run(): Promise<void> {
    const { telemetry, isLogUp, random } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (!isLogUp()) {
        this.#trouble = 'not connected, because the event log cannot be written';
        telemetry.waitingForLog();
        await pause(LOOK_MS, signal);
        continue;
      }
      const end = await this.#connectOnce();
      this.#countFailure(end);
      this.#connection = undefined;
      this.#trouble = `${end.reason}: ${end.detail}`;
      const delayMs = backoffDelayMs(this.#options.backoff ?? BACKOFF, this.#failures, random);
      telemetry.ended(end.reason, end.detail, delayMs);
      await pause(delayMs, signal);
    }
  }

  /** @returns how the connection ended, or why there was none. */
  async #connectOnce(): Promise<ConnectionEnd> {
    const { url, settings, limits } = this.#options;
    const { signal } = this.#stopping;
    const inTime = AbortSignal.timeout(limits.connectMs);
    this.#openedAt = undefined;
    try {
      const stream = await dial(url, readSourceTls(settings), AbortSignal.any([signal, inTime]));
      this.#connection = new BrokerConnection(stream, this.#login, { ...this.#parts, client: this.#client });
    } catch (error) {
      if (signal.aborted) return { reason: 'stopped', detail: '' };
      return { reason: 'unreachable', detail: inTime.aborted ? 'no answer in time' : describeError(error) };
    }
    // When the connection ends, `ended` says why.
    this.#follow(this.#connection).catch(() => undefined);
    return this.#connection.ended;
  }

  /** Subscribes, now and whenever there is something else to subscribe to, until the connection ends. */
  async #follow(connection: BrokerConnection): Promise<void> {
    const over = new AbortController();
    void connection.ended.then(() => over.abort());
    this.#greeted(await connection.greeting());
    let asked = '';
    let askAgainAt = 0;
    do {
      const filters = this.#parts.filters();
      const isNew = filters.join('\n') !== asked;
      if (!isNew && performance.now() < askAgainAt) continue;
      asked = filters.join('\n');
      await this.#subscribe(connection, filters);
      askAgainAt = this.#trouble === undefined ? Infinity : performance.now() + ASK_AGAIN_MS;
    } while (await pause(LOOK_MS, over.signal));
  }

  #greeted({ sessionPresent, expiresAfterSeconds }: Greeting): void {
    const { telemetry } = this.#parts;
    this.#openedAt = performance.now();
    telemetry.connected(sessionPresent);
    if (expiresAfterSeconds < NEVER_EXPIRES) telemetry.sessionExpires(expiresAfterSeconds);
    if (!sessionPresent && this.#hadSession) telemetry.sessionLost();
    if (!sessionPresent) this.#granted = [];
    this.#hadSession = true;
  }

  async #subscribe(connection: BrokerConnection, filters: readonly string[]): Promise<void> {
    const { telemetry } = this.#parts;
    connection.unsubscribe(this.#granted.filter((filter) => !filters.includes(filter)));
    // What the session holds already would have everything sent again that is retained (MQTT 3.1.1, 3.8.4).
    const missing = filters.filter((filter) => !this.#granted.includes(filter));
    const refused = missing.length === 0 ? new Map() : await connection.subscribe(missing);
    this.#granted = filters.filter((filter) => !refused.has(filter));
    this.#trouble = refused.size === 0 ? undefined : [...refused.values()].join('; ');
    if (this.#trouble === undefined) telemetry.subscribed(filters);
    else telemetry.subscriptionRefused(this.#trouble);
  }

  #countFailure({ reason }: ConnectionEnd): void {
    const livedMs = this.#openedAt === undefined ? 0 : performance.now() - this.#openedAt;
    const wasSteady = livedMs >= STEADY_MS;
    this.#failures = wasSteady ? 1 : this.#failures + 1;
    // Few brokers tell a takeover from any other end: MQTT 3.1.1 has no word for it, and Mosquitto says none.
    const thrownOut = reason === 'taken-over' || (reason === 'closed' && this.#openedAt !== undefined);
    this.#thrownOut = !thrownOut || wasSteady ? 0 : this.#thrownOut + 1;
    if (this.#thrownOut >= FLAPPING_FROM) this.#parts.telemetry.flapping(this.#thrownOut);
  }

  /** That another client seems to have our id; until a connection was steady again. */
  #flapping(): string | undefined {
    const isSteady = this.#openedAt !== undefined && performance.now() - this.#openedAt >= STEADY_MS;
    if (this.#thrownOut < FLAPPING_FROM || isSteady) return undefined;
    return `connected and thrown out ${this.#thrownOut} times in a row: another client may use the client id ${this.#login.clientId}`;
  }
}
