import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { TurnedAway } from '#ingest-gateway/refusal-reason.ts';
import {
  Device,
  type DeviceStatus,
  type DeviceStory,
  type DeviceTerms,
  labelsHeaderOf,
  NEVER_CONNECTED,
} from './device.ts';
import type { InflightBudget } from './inflight-budget.ts';
import { TurnedAwayBook, TurnedAwayCounts, type TurnedAwayStatus } from './turned-away.ts';

/** Who was turned away and is no device that was ever let in: ids that anybody may have made up, and addresses. */
export interface Strangers {
  /** Ids that were never let in, the latest first. */
  readonly strangers: readonly ({ readonly id: string } & TurnedAwayStatus)[];
  /** Addresses from which somebody was turned away, the latest first. */
  readonly addresses: readonly ({ readonly address: string } & TurnedAwayStatus)[];
}

const NO_TERMS: DeviceTerms = {};
/** Devices remembered; more than may be connected, so that silent ones can be told from unknown ones. */
const CAPACITY = 100_000;
/** Strangers, and addresses, that were turned away, each. */
const TURNED_AWAY_CAPACITY = 10_000;

/** The devices seen since the start, the longest unseen forgotten first. Connected ones are never forgotten. */
export class DeviceRegistry {
  readonly #limits: GatewayLimits;
  readonly #total: InflightBudget;
  readonly #now: () => number;
  readonly #termsOf: (id: string) => DeviceTerms;
  readonly #capacity: number;
  /** Oldest first: a device moves to the end when it connects. */
  readonly #devices = new Map<string, Device>();
  readonly #strangers = new TurnedAwayBook(TURNED_AWAY_CAPACITY);
  readonly #addresses = new TurnedAwayBook(TURNED_AWAY_CAPACITY);

  /** @param termsOf what the operator says of a device */
  constructor(
    limits: GatewayLimits,
    total: InflightBudget,
    now: () => number,
    termsOf: (id: string) => DeviceTerms = () => NO_TERMS,
    capacity: number = CAPACITY,
  ) {
    this.#limits = limits;
    this.#total = total;
    this.#now = now;
    this.#termsOf = termsOf;
    this.#capacity = capacity;
  }

  /** It was connected since the start. */
  has(id: string): boolean {
    return this.#devices.has(id);
  }

  /** A device that was here since the start. */
  get(id: string): Device | undefined {
    return this.#devices.get(id);
  }

  [Symbol.iterator](): Iterator<Device> {
    return this.#devices.values();
  }

  /** The device, for a client at `address` that proved to be it. */
  admit(id: string, address: string): Device {
    let device = this.#devices.get(id);
    if (device === undefined) {
      device = new Device(id, this.#limits, this.#total, this.#now(), address);
      device.turnedAway = this.#strangers.take(id);
      device.agree(this.#termsOf(id));
    }
    device.lastSeenAt = this.#now();
    device.address = address;
    this.#devices.delete(id);
    this.#devices.set(id, device);
    if (this.#devices.size > this.#capacity) this.#forgetOldest();
    return device;
  }

  /** As records carry them, also of a device that was never seen. */
  labelsOf(id: string): string | undefined {
    const device = this.#devices.get(id);
    if (device !== undefined) return device.labelsHeader;
    const { labels } = this.#termsOf(id);
    return labels && labelsHeaderOf(labels);
  }

  /** What the operator says of the device is another thing now. */
  termsChanged(id: string): void {
    this.#devices.get(id)?.agree(this.#termsOf(id));
  }

  /** The device that a client forwards a message of. */
  forwarded(id: string, via: Device, source: string | undefined): Device {
    const device = this.#devices.get(id) ?? this.admit(id, via.address);
    device.lastSeenAt = this.#now();
    device.messages++;
    if (device.origin?.via !== via.id || device.origin.source !== source)
      device.origin = { via: via.id, source };
    return device;
  }

  /** Remembers who was turned away: the device, if it was ever let in, and the address in any case. */
  countTurnedAway(turnedAway: TurnedAway): void {
    const { deviceId, address } = turnedAway;
    const at = this.#now();
    this.#addresses.count(address, turnedAway, at);
    const device = this.#devices.get(deviceId ?? '');
    if (device !== undefined) {
      device.connections.refused(at, address, turnedAway.reason);
      device.turnedAway ??= new TurnedAwayCounts();
      device.turnedAway.count(turnedAway, at);
    } else if (deviceId !== undefined) this.#strangers.count(deviceId, turnedAway, at);
  }

  /** @param expected ids that are no strangers, although they were never let in. */
  strangers(expected: Iterable<string> = []): Strangers {
    const known = new Set(expected);
    return {
      strangers: this.#strangers
        .list()
        .filter(([id]) => !known.has(id))
        .map(([id, status]) => ({ id, ...status })),
      addresses: this.#addresses.list().map(([address, status]) => ({ address, ...status })),
    };
  }

  /**
   * The longest unseen first.
   *
   * @param silentForMs only devices not seen for at least so long.
   * @param expected ids that should be there: those never seen are listed, too.
   */
  list(silentForMs: number, expected: Iterable<string> = []): DeviceStatus[] {
    const before = this.#now() - silentForMs;
    const silent: DeviceStatus[] = [];
    for (const device of this.#devices.values())
      if (device.lastSeenAt <= before) silent.push(device.status());
    for (const id of expected) if (!this.has(id)) silent.push(this.#neverHere(id));
    return silent.sort((a, b) => (a.lastSeen ?? 0) - (b.lastSeen ?? 0));
  }

  /** @param isExpected it should be there. @returns `undefined` = it was never let in, and is not expected */
  status(id: string, isExpected: boolean): DeviceStatus | undefined {
    return this.#devices.get(id)?.status() ?? (isExpected ? this.#neverHere(id) : undefined);
  }

  /** As {@link status}, and when it came and went. */
  story(id: string, isExpected: boolean): DeviceStory | undefined {
    const status = this.status(id, isExpected);
    return status && { ...status, connections: this.#devices.get(id)?.connections.list(this.#now()) ?? [] };
  }

  /** How often somebody was turned away who gave the id of a device that was never let in. */
  turnedAwayStrangers(id: string): number {
    return this.#strangers.get(id)?.total ?? 0;
  }

  #neverHere(id: string): DeviceStatus {
    return { ...NEVER_CONNECTED, id, ...this.#strangers.get(id)?.status() };
  }

  #forgetOldest(): void {
    for (const [id, device] of this.#devices) {
      if (device.connected || device.budget.messages > 0) continue;
      this.#devices.delete(id);
      return;
    }
  }
}
