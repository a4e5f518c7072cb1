import { telemetryTopic } from '#contract/device-topic.ts';
import { encodeLabels, type Labels } from '#contract/labels.ts';
import { BURST_SECONDS } from '#contract/limits.ts';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { TokenBucket } from '#ingest-gateway/token-bucket.ts';
import { type ConnectionEvent, ConnectionHistory } from './connection-history.ts';
import { ForeignTopics } from './foreign-topics.ts';
import { Forwarding } from './forwarding.ts';
import { InflightBudget } from './inflight-budget.ts';
import { NEVER_TURNED_AWAY, type TurnedAwayCounts, type TurnedAwayStatus } from './turned-away.ts';

/** What the operator says of a device, as far as it is of use here (`devices/device-terms.ts`). */
export interface DeviceTerms {
  readonly limits?:
    | {
        readonly messagesPerSecond?: number | undefined;
        readonly burst?: number | undefined;
        readonly inflightMessages?: number | undefined;
        readonly inflightBytes?: number | undefined;
      }
    | undefined;
  readonly labels?: Labels | undefined;
  /** Seconds without a message after which it is silent, instead of those of all; 0 = never. */
  readonly silentAfterSeconds?: number | undefined;
}

/** Bytes that cost about a token to look through when something in them is wrong: objects are made of all of it, known or not. */
const REFUSED_BYTES_A_TOKEN = 1024;

/** What one device is known by, over its connections: its bounds hold across a reconnect. */
export class Device {
  readonly id: string;
  /** The one topic it may publish to. */
  readonly topic: string;
  readonly budget: InflightBudget;
  readonly bucket: TokenBucket;
  readonly foreignTopics: ForeignTopics;
  readonly forwarding = new Forwarding();
  labels: Labels | undefined;
  /** The same as records carry it. */
  labelsHeader: string | undefined;
  readonly #limits: GatewayLimits;
  /** Of a device that speaks through another client: which one, and by which mapping. */
  origin: { readonly via: string; readonly source: string | undefined } | undefined;
  connected = false;
  /** Where it connected from last. */
  address: string;
  /** How often it connected while it was connected, and the last time of it. */
  takeovers = 0;
  lastTakeover: Takeover | null = null;
  turnedAway: TurnedAwayCounts | undefined;
  readonly connections = new ConnectionHistory();
  #slowedMs = 0;
  #slowedSince: number | undefined;
  /** What it spoke when it connected last. */
  mqttVersion: MqttVersion | undefined;
  /** Milliseconds since the epoch of its last packet of interest: CONNECT or PUBLISH. */
  lastSeenAt: number;
  /** Messages of it since the start, whatever became of them. */
  messages = 0;
  /** Readings in the log. */
  accepted = 0;
  /** Readings of others in the log that it handed in. */
  forwarded = 0;
  /** Readings that became dead letters; by reason: `refused`. */
  refusedReadings = 0;
  /** Dead letters by reason. */
  refused: Map<RejectReason, number> | undefined;

  /** @param total the gateway's budget, of which the device may use a fair share. */
  constructor(id: string, limits: GatewayLimits, total: InflightBudget, now: number, address: string) {
    this.id = id;
    this.#limits = limits;
    this.address = address;
    this.topic = telemetryTopic(id);
    this.budget = new InflightBudget(limits.inflightMessagesPerDevice, limits.inflightBytesPerDevice, total);
    this.bucket = new TokenBucket(limits.messagesPerSecond, limits.messageBurst, performance.now());
    this.foreignTopics = new ForeignTopics(limits.foreignMessagesPerSecond, limits.foreignMessageBurst);
    this.lastSeenAt = now;
  }

  /** From the next message on. */
  agree({ limits = {}, labels }: DeviceTerms): void {
    const { messagesPerSecond = this.#limits.messagesPerSecond } = limits;
    const { burst = burstFor(limits, this.#limits) } = limits;
    this.bucket.change(messagesPerSecond, burst, performance.now());
    this.budget.change(
      limits.inflightMessages ?? this.#limits.inflightMessagesPerDevice,
      limits.inflightBytes ?? this.#limits.inflightBytesPerDevice,
    );
    this.labels = labels;
    this.labelsHeader = labels && labelsHeaderOf(labels);
  }

  /**
   * Pays for a message of which something became dead letters. Each of them is a record of its own, and what is wrong in so many
   * bytes is looked for in all of them: work beyond the packet's, which its token does not pay. A burst of it would hold up
   * everybody; so nothing that was saved up pays for it, but for the first letter of a message of ordinary size.
   */
  payForLetters(letters: number, bytes: number): void {
    if (letters === 0) return;
    this.bucket.take(1);
    this.bucket.takeAtRate(letters - 1 + Math.floor(bytes / REFUSED_BYTES_A_TOKEN), performance.now());
  }

  /** @param nowMs on the clock of `performance.now()`. */
  slow(isSlowed: boolean, nowMs: number): void {
    this.#slowedMs = this.slowedMs(nowMs);
    this.#slowedSince = isSlowed ? nowMs : undefined;
  }

  /** How long it was not read from, because a bound or its rate was reached. */
  slowedMs(nowMs: number): number {
    return this.#slowedMs + (this.#slowedSince === undefined ? 0 : nowMs - this.#slowedSince);
  }

  takenOver(takeover: Takeover): void {
    this.takeovers++;
    this.lastTakeover = takeover;
  }

  status(): DeviceStatus {
    return {
      id: this.id,
      connected: this.connected,
      lastSeen: this.lastSeenAt,
      mqttVersion: this.mqttVersion ?? null,
      accepted: this.accepted,
      refused: Object.fromEntries(this.refused ?? []),
      discarded: Object.fromEntries(this.foreignTopics.entries()),
      ...(this.origin && { via: this.origin.via }),
      ...(this.origin?.source !== undefined && { source: this.origin.source }),
      address: this.address,
      takeovers: this.takeovers,
      lastTakeover: this.lastTakeover,
      slowedMs: Math.round(this.slowedMs(performance.now())),
      ...(this.labels && { labels: this.labels }),
      ...(this.turnedAway?.status() ?? NEVER_TURNED_AWAY),
    };
  }

  get handedIn(): number {
    return this.accepted + this.forwarded;
  }

  get discardedMessages(): number {
    return this.foreignTopics.messages;
  }

  countRefused(reason: RejectReason, readings = 1): void {
    this.refusedReadings += readings;
    this.refused ??= new Map();
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + readings);
  }
}

/** What there is to carry. */
export function labelsHeaderOf(labels: Labels): string | undefined {
  return Object.keys(labels).length === 0 ? undefined : encodeLabels(labels);
}

/** A rate of its own comes with a burst of its own, or a faster device would have to send more evenly than others. */
function burstFor({ messagesPerSecond }: NonNullable<DeviceTerms['limits']>, limits: GatewayLimits): number {
  return messagesPerSecond === undefined
    ? limits.messageBurst
    : Math.max(1, Math.round(messagesPerSecond * BURST_SECONDS));
}

/** A device connected while it was connected. From two addresses in turns: two devices have one id. */
export interface Takeover {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of the connection that was closed, … */
  readonly from: string;
  /** … and of the one that took its place. */
  readonly to: string;
}

/** A device as `/api/devices` shows it. */
export interface DeviceStatus extends TurnedAwayStatus {
  /** By how much a reading was ahead of our clock that was refused for its time lately; negative: behind. Milliseconds. */
  readonly clockAheadMs?: number;
  /** Client that forwards it, when it does not speak for itself, and the mapping that its readings are made by. */
  readonly via?: string;
  readonly source?: string;
  readonly id: string;
  readonly connected: boolean;
  /** Milliseconds since the epoch; `null` = not since this gateway started. */
  readonly lastSeen: number | null;
  /** What it spoke when it connected last; `null` = not since this gateway started. */
  readonly mqttVersion: MqttVersion | null;
  /** Readings since this gateway started. */
  readonly accepted: number;
  readonly refused: Readonly<Partial<Record<RejectReason, number>>>;
  /** Messages to topics that are not the device's own, by topic: acknowledged and thrown away. */
  readonly discarded: Readonly<Record<string, number>>;
  /** Where it connected from last; `null` = not since this gateway started. */
  readonly address: string | null;
  readonly takeovers: number;
  readonly lastTakeover: Takeover | null;
  /** Milliseconds for which it was not read from, because a bound or its rate was reached. */
  readonly slowedMs: number;
  readonly labels?: Labels;
}

/** One device as `/api/devices/{id}` shows it. */
export interface DeviceStory extends DeviceStatus {
  /** Of the last hour, the newest first. */
  readonly connections: readonly ConnectionEvent[];
}

/** All but the id of a device that should be there, and was not since this gateway started. */
export const NEVER_CONNECTED: Omit<DeviceStatus, 'id'> = {
  connected: false,
  lastSeen: null,
  mqttVersion: null,
  accepted: 0,
  refused: {},
  discarded: {},
  address: null,
  takeovers: 0,
  lastTakeover: null,
  slowedMs: 0,
  ...NEVER_TURNED_AWAY,
};
