import { telemetryTopic } from '#contract/device-topic.ts';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { ForeignTopics } from './foreign-topics.ts';
import { InflightBudget } from './inflight-budget.ts';
import { TokenBucket } from './token-bucket.ts';

/** What one device is known by, over its connections: its bounds hold across a reconnect. */
export class Device {
  readonly id: string;
  /** The one topic it may publish to. */
  readonly topic: string;
  readonly budget: InflightBudget;
  readonly bucket: TokenBucket;
  readonly foreignTopics: ForeignTopics;
  connected = false;
  /** What it spoke when it connected last. */
  mqttVersion: MqttVersion | undefined;
  /** Milliseconds since the epoch of its last packet of interest: CONNECT or PUBLISH. */
  lastSeenAt: number;
  /** Readings in the log. */
  accepted = 0;
  /** Dead letters by reason. */
  refused: Map<RejectReason, number> | undefined;

  /** @param total the gateway's budget, of which the device may use a fair share. */
  constructor(id: string, limits: GatewayLimits, total: InflightBudget, now: number) {
    this.id = id;
    this.topic = telemetryTopic(id);
    this.budget = new InflightBudget(limits.inflightMessagesPerDevice, limits.inflightBytesPerDevice, total);
    this.bucket = new TokenBucket(limits.messagesPerSecond, limits.messageBurst, performance.now());
    this.foreignTopics = new ForeignTopics(
      limits.foreignMessagesPerSecond,
      limits.foreignMessageBurst,
      performance.now(),
    );
    this.lastSeenAt = now;
  }

  countRefused(reason: RejectReason, readings = 1): void {
    this.refused ??= new Map();
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + readings);
  }
}

/** A device as `/api/devices` shows it. */
export interface DeviceStatus {
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
}

/** Devices remembered; more than may be connected, so that silent ones can be told from unknown ones. */
const CAPACITY = 100_000;

/** The devices seen since the start, the longest unseen forgotten first. Connected ones are never forgotten. */
export class DeviceRegistry {
  readonly #limits: GatewayLimits;
  readonly #total: InflightBudget;
  readonly #now: () => number;
  readonly #capacity: number;
  /** Oldest first: a device moves to the end when it connects. */
  readonly #devices = new Map<string, Device>();

  constructor(limits: GatewayLimits, total: InflightBudget, now: () => number, capacity: number = CAPACITY) {
    this.#limits = limits;
    this.#total = total;
    this.#now = now;
    this.#capacity = capacity;
  }

  /** It was connected since the start. */
  has(id: string): boolean {
    return this.#devices.has(id);
  }

  /** The device, for a client that proved to be it. */
  admit(id: string): Device {
    const device = this.#devices.get(id) ?? new Device(id, this.#limits, this.#total, this.#now());
    device.lastSeenAt = this.#now();
    this.#devices.delete(id);
    this.#devices.set(id, device);
    if (this.#devices.size > this.#capacity) this.#forgetOldest();
    return device;
  }

  /**
   * The longest unseen first.
   *
   * @param silentForMs only devices not seen for at least so long.
   * @param expected ids that should be there: those never seen are listed, too.
   */
  list(silentForMs: number, expected: Iterable<string> = []): DeviceStatus[] {
    const before = this.#now() - silentForMs;
    const statuses: DeviceStatus[] = [];
    for (const device of this.#devices.values()) {
      if (device.lastSeenAt > before) continue;
      statuses.push({
        id: device.id,
        connected: device.connected,
        lastSeen: device.lastSeenAt,
        mqttVersion: device.mqttVersion ?? null,
        accepted: device.accepted,
        refused: Object.fromEntries(device.refused ?? []),
        discarded: Object.fromEntries(device.foreignTopics.entries()),
      });
    }
    for (const id of expected) {
      if (!this.#devices.has(id))
        statuses.push({
          id,
          connected: false,
          lastSeen: null,
          mqttVersion: null,
          accepted: 0,
          refused: {},
          discarded: {},
        });
    }
    return statuses.sort((a, b) => (a.lastSeen ?? 0) - (b.lastSeen ?? 0));
  }

  #forgetOldest(): void {
    for (const [id, device] of this.#devices) {
      if (device.connected || device.budget.messages > 0) continue;
      this.#devices.delete(id);
      return;
    }
  }
}
