import type { Labels } from '#contract/labels.ts';
import type { Device, DeviceStatus, DeviceStory } from './device.ts';
import type { DeviceClocks } from './device-clocks.ts';
import type { DeviceRegistry, Strangers } from './device-registry.ts';
import type { DeviceWatch, Trouble } from './device-watch.ts';

/** What a list of all devices is sorted, filtered and searched by. */
export interface DeviceGlance
  extends Pick<DeviceStatus, 'id' | 'connected' | 'lastSeen' | 'accepted' | 'address'> {
  /** Readings that became dead letters. */
  readonly refused: number;
  /** Connections refused or ended by the gateway. */
  readonly turnedAway: number;
  readonly silentSince: number | null;
  /** As {@link DeviceStatus.clockAheadMs}. */
  readonly clockAheadMs: number | undefined;
  readonly source: string | undefined;
  readonly labels: Labels | undefined;
}

export interface KnownDevicesDeps {
  readonly devices: DeviceRegistry;
  readonly watch: Pick<DeviceWatch, 'of'>;
  readonly clocks: Pick<DeviceClocks, 'aheadMs'>;
  /** Those that the operator expects, whether they ever came or not; `undefined` = none by name. */
  readonly expected: { deviceIds(): Iterable<string>; isExpected(id: string): boolean } | undefined;
}

/**
 * What the gateway knows of its devices, for whoever asks: what they sent, the trouble they are in, by how much their clocks are off.
 * A whole status is for few of them; a list of ten thousand is made of glances, which cost a fifth.
 */
export class KnownDevices {
  readonly #deps: KnownDevicesDeps;

  constructor(deps: KnownDevicesDeps) {
    this.#deps = deps;
  }

  /** Devices not seen for `silentForMs`, the longest unseen first; expected ones even if never seen. */
  list(silentForMs = 0): (DeviceStatus & Trouble)[] {
    const { devices, expected } = this.#deps;
    return devices.list(silentForMs, expected?.deviceIds()).map((status) => this.#withTrouble(status));
  }

  /** All, one by one, in no order; who comes or goes meanwhile is among them or not. */
  *glances(): Generator<DeviceGlance> {
    const { devices, expected } = this.#deps;
    const nowMs = performance.now();
    for (const device of devices) yield this.#glance(device.id, device, nowMs);
    for (const id of expected?.deviceIds() ?? [])
      if (!devices.has(id)) yield this.#glance(id, undefined, nowMs);
  }

  /** `undefined` = it was never let in, and is not expected. */
  status(id: string): (DeviceStatus & Trouble) | undefined {
    const status = this.#deps.devices.status(id, this.#isExpected(id));
    return status && this.#withTrouble(status);
  }

  /** `undefined` = it was never let in, and is not expected. */
  story(id: string): (DeviceStory & Trouble) | undefined {
    const story = this.#deps.devices.story(id, this.#isExpected(id));
    return story && this.#withTrouble(story);
  }

  /** Who was turned away and is none of these. */
  strangers(): Strangers {
    return this.#deps.devices.strangers(this.#deps.expected?.deviceIds());
  }

  #isExpected(id: string): boolean {
    return this.#deps.expected?.isExpected(id) === true;
  }

  #glance(id: string, device: Device | undefined, nowMs: number): DeviceGlance {
    const { devices, watch, clocks } = this.#deps;
    return {
      id,
      connected: device?.connected ?? false,
      lastSeen: device?.lastSeenAt ?? null,
      accepted: device?.accepted ?? 0,
      refused: device?.refusedReadings ?? 0,
      turnedAway: device === undefined ? devices.turnedAwayStrangers(id) : (device.turnedAway?.total ?? 0),
      silentSince: watch.of(id).silentSince,
      clockAheadMs: clocks.aheadMs(id, nowMs),
      address: device?.address ?? null,
      source: device?.origin?.source,
      labels: device?.labels,
    };
  }

  #withTrouble<Status extends DeviceStatus>(status: Status): Status & Trouble {
    const { watch, clocks } = this.#deps;
    const clockAheadMs = clocks.aheadMs(status.id, performance.now());
    return { ...status, ...watch.of(status.id), ...(clockAheadMs !== undefined && { clockAheadMs }) };
  }
}
