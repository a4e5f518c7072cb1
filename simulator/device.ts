import { connect, type MqttClient } from 'mqtt';
import { telemetryTopic } from '#contract/device-topic.ts';
import { backoffDelayMs } from '#runtime/retry.ts';
import type { DeviceScript, Message } from './device-script.ts';
import { type Drop, DropPlan } from './drop-plan.ts';
import { dueAfterMs, type Pace } from './pace.ts';
import { type DeviceVersion, protocolOptions, reasonCodeOf } from './protocol.ts';
import type { RandomStream } from './random-stream.ts';
import { type Unacknowledged, unacknowledged } from './unacknowledged.ts';

export interface DeviceOptions {
  readonly id: string;
  readonly password: string | undefined;
  /** In the order in which this device tries them. */
  readonly urls: readonly [string, ...string[]];
  readonly qos: 0 | 1 | 2;
  readonly version: DeviceVersion;
  /** `undefined` = as fast as acknowledgements allow. */
  readonly pace: Pace | undefined;
  /** Part of a message interval by which this device is shifted against the others, 0–1. */
  readonly phase: number;
  /** Messages to send; `undefined` = until told to finish. */
  readonly count: number | undefined;
  /** At most this many messages wait for their acknowledgement. */
  readonly window: number;
  /** Set = the device drops its connection now and then, at moments drawn from this stream. */
  readonly unreliable: RandomStream | undefined;
}

/** What a device tells its fleet, and what it needs from it. */
export interface DeviceSurroundings {
  readonly now: () => number;
  readonly random: () => number;
  /** Milliseconds on the clock of `performance.now()` at which the fleet began to send. */
  readonly startedAt: number;
  readonly onSent: (message: Message) => void;
  readonly onAcked: (message: Unacknowledged) => void;
  readonly onConnection: (connected: boolean) => void;
  readonly onWrongAnswer: (description: string) => void;
  readonly onTrouble: (url: string, problem: string) => void;
  readonly onEnded: () => void;
}

const RECONNECT = { firstDelayMs: 100, maxDelayMs: 2_000, jitter: 0.5 };
const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_SECONDS = 30;
/** Without a pace: the longest time whose milliseconds are still made up for with readings. */
const CATCH_UP_MS = 1_000;
/** How long a polite DISCONNECT may take. */
const GOODBYE_MS = 2_000;

/**
 * One simulated device. Its modes:
 *
 * - **away**: no connection; a timer makes the next attempt. After an attempt that failed, and after a connection that
 *   brought no acknowledgement, the delay grows (capped, jittered) and the next gateway has its turn.
 * - **connecting**: until CONNACK, or until the connection closes: away again.
 * - **online**: on entry everything unacknowledged is published again, in its first order; then new messages follow as
 *   the pace and the window allow. A close leads to away.
 * - **ended**: all is sent and acknowledged, or `abandon` was called. Final.
 *
 * Every connection has an MQTT.js client of its own. MQTT.js can keep and resend messages itself, but its order and its
 * bookkeeping are then out of our hands; this way the window here is the only truth about what is unacknowledged, and a
 * late callback of an old client can do no harm: it says either that the gateway acknowledged, which stays true, or
 * that it failed, which the resend takes care of. MQTT allows one session per client id, so the old client is always
 * destroyed before the next one is made.
 *
 * Messages are written only when they can be published at once. A device that is away with a pace given falls behind
 * and catches up later, with readings that were due in the meantime, as one with a memory would.
 */
export class Device {
  readonly #options: DeviceOptions;
  readonly #script: DeviceScript;
  readonly #fleet: DeviceSurroundings;
  readonly #topic: string;
  readonly #drops: DropPlan | undefined;
  /** By the first `seq` of the message, in the order of sending. */
  readonly #unacknowledged = new Map<number, Unacknowledged>();
  #client: MqttClient | undefined;
  #online = false;
  #ended = false;
  /** Messages written so far. */
  #written = 0;
  #producing = true;
  #sending = false;
  /** Attempts since the last acknowledgement. */
  #attempts = 0;
  #url = 0;
  #problem = 'connection closed';
  /** The next attempt while away, the next message while online. */
  #timer: NodeJS.Timeout | undefined;
  #dropTimer: NodeJS.Timeout | undefined;
  /** Set by a drop of our own: how long to stay away. */
  #awayMs: number | undefined;

  constructor(options: DeviceOptions, script: DeviceScript, fleet: DeviceSurroundings) {
    this.#options = options;
    this.#script = script;
    this.#fleet = fleet;
    this.#topic = telemetryTopic(options.id);
    this.#drops = options.unreliable && new DropPlan(options.unreliable);
  }

  /** Something is left to be sent or acknowledged. */
  get waiting(): boolean {
    return !this.#ended && (this.#unacknowledged.size > 0 || !this.#online);
  }

  /** First attempt to connect after `delayMs`. */
  start(delayMs: number): void {
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  /** Writes nothing new, waits for what is unacknowledged, then ends. */
  finish(): void {
    this.#producing = false;
    if (this.#unacknowledged.size === 0) this.#end(false);
  }

  /** Ends now; what is unacknowledged stays so. */
  abandon(): void {
    this.#end(true);
  }

  #connect(): void {
    const { id, password, urls, version } = this.#options;
    const client = connect(urls[this.#url % urls.length] as string, {
      clientId: id,
      ...(password !== undefined && { username: id, password }),
      clean: true,
      ...protocolOptions(version),
      keepalive: KEEPALIVE_SECONDS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: 0,
    });
    this.#client = client;
    client.on('connect', () => this.#enterOnline(client));
    client.on('error', (error) => {
      this.#problem = error.message;
    });
    client.on('close', () => {
      if (client === this.#client) this.#enterAway(client);
    });
  }

  #enterOnline(client: MqttClient): void {
    if (client !== this.#client) return;
    this.#online = true;
    this.#fleet.onConnection(true);
    if (this.#options.qos === 0) this.#attempts = 0;
    for (const waiting of this.#unacknowledged.values()) this.#publish(client, waiting);
    this.#send();
  }

  #enterAway(client: MqttClient): void {
    this.#client = undefined;
    client.end(true);
    clearTimeout(this.#timer);
    clearTimeout(this.#dropTimer);
    if (this.#online) this.#fleet.onConnection(false);
    this.#online = false;
    if (this.#ended) return;
    const { urls } = this.#options;
    let delayMs = this.#awayMs;
    if (delayMs === undefined) {
      this.#fleet.onTrouble(urls[this.#url % urls.length] as string, this.#problem);
      this.#attempts++;
      this.#url++;
      delayMs = backoffDelayMs(RECONNECT, this.#attempts, this.#fleet.random);
    }
    this.#awayMs = undefined;
    this.#problem = 'connection closed';
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  /** Publishes what is due and fits into the window; comes back by timer, acknowledgement or reconnection. */
  #send(): void {
    // MQTT.js reports a QoS 0 message as sent before `publish` returns.
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    this.#sendWhatIsDue();
    this.#sending = false;
    if (this.#isComplete() && this.#unacknowledged.size === 0) this.#end(false);
  }

  #sendWhatIsDue(): void {
    const client = this.#client;
    while (client?.connected && this.#online && this.#unacknowledged.size < this.#options.window) {
      if (this.#isComplete()) break;
      const now = this.#fleet.now();
      const dueAt = this.#dueAt(now);
      const waitMs = Math.max(dueAt, this.#script.ready) - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#send(), Math.ceil(waitMs));
        return;
      }
      const message = this.#script.next(dueAt, now);
      this.#written++;
      this.#fleet.onSent(message);
      const waiting = unacknowledged(message);
      const { firstSeq } = waiting;
      this.#unacknowledged.set(firstSeq, waiting);
      this.#publish(client, waiting);
      if (message.duplicate) this.#publish(client, waiting);
      const drop = this.#drops?.afterMessage();
      if (drop !== undefined) this.#dropSoon(client, drop);
    }
  }

  #isComplete(): boolean {
    return !this.#producing || this.#written === this.#options.count;
  }

  /** Wall clock of the next message; the pace itself runs on the monotonic one. */
  #dueAt(now: number): number {
    const { pace, phase } = this.#options;
    if (pace === undefined) return now - CATCH_UP_MS;
    const inMs = this.#fleet.startedAt + dueAfterMs(pace, this.#written + phase) - performance.now();
    return Math.ceil(now + inMs);
  }

  #publish(client: MqttClient, waiting: Unacknowledged): void {
    const { qos } = this.#options;
    client.publish(this.#topic, waiting.payload, { qos }, (error, packet) => {
      const code = reasonCodeOf(error, packet);
      if (code === undefined) return;
      if (this.#options.version === '5' && qos > 0) this.#checkAnswer(code, waiting);
      this.#sentOff(waiting);
    });
  }

  #checkAnswer(code: number, { expectedCode: expected, firstSeq }: Unacknowledged): void {
    if (code !== expected) {
      this.#fleet.onWrongAnswer(`seq ${firstSeq}: expected reason code ${expected}, got ${code}`);
    }
  }

  /** QoS 1: PUBACK, QoS 2: PUBCOMP came. QoS 0: it is in the socket, and nobody will ever say more. */
  #sentOff(message: Unacknowledged): void {
    // False for the second acknowledgement of a duplicate or of a message that was sent again.
    if (!this.#unacknowledged.delete(message.firstSeq)) return;
    if (this.#options.qos > 0) {
      this.#attempts = 0;
      this.#fleet.onAcked(message);
    }
    this.#send();
  }

  #dropSoon(client: MqttClient, { inMs, awayMs }: Drop): void {
    this.#dropTimer = setTimeout(() => {
      if (client !== this.#client) return;
      this.#awayMs = awayMs;
      client.stream.destroy();
    }, inMs);
  }

  #end(abruptly: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#dropTimer);
    const client = this.#client;
    this.#client = undefined;
    if (this.#online) this.#fleet.onConnection(false);
    this.#online = false;
    if (client === undefined || abruptly) {
      client?.end(true);
      this.#fleet.onEnded();
      return;
    }
    const left = (): void => {
      clearTimeout(hurry);
      client.end(true);
      this.#fleet.onEnded();
    };
    const hurry = setTimeout(() => left(), GOODBYE_MS);
    client.end(false, left);
  }
}
