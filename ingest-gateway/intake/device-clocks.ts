import { CLOCK_DIRECTIONS, type ClockDirection } from '#ingest-gateway/telemetry-labels.ts';

/** A device counts as off for so long after a reading that was refused for its time. Milliseconds. */
const OFF_FOR_MS = 10 * 60 * 1000;
/** Fewer devices than this are their own fault, whatever their share. */
const LEAST_DEVICES = 3;
/** From this share of the devices that were heard on, all in one direction, our clock is the one that is wrong. */
const WRONG_FROM_SHARE = 0.5;
/** Devices remembered as off. */
const CAPACITY = 100_000;

interface Off {
  readonly direction: ClockDirection;
  readonly byMs: number;
  readonly at: number;
}

/** Many devices disagree with us. */
interface ClockDisagreement {
  /** Of the devices' clocks, seen from ours. */
  readonly direction: ClockDirection;
  readonly devices: number;
  readonly of: number;
  /** By how much, the median. Milliseconds, positive. */
  readonly byMs: number;
}

/**
 * Whose clock is wrong: one device that is refused for its time has a problem; when most of them are, in the same
 * direction, it is ours. A device is off from a reading refused for its time until one of its readings is accepted, or
 * ten minutes have passed. Costs nothing while nobody is off.
 *
 * Pure: `now` is on one clock that nobody sets.
 */
export class DeviceClocks {
  readonly #off = new Map<string, Off>();

  /** @param aheadMs of the reading's time to the time of receipt; negative: behind. */
  refused(deviceId: string, aheadMs: number, now: number): void {
    this.#off.delete(deviceId);
    this.#off.set(deviceId, {
      direction: aheadMs > 0 ? 'ahead' : 'behind',
      byMs: Math.abs(aheadMs),
      at: now,
    });
    if (this.#off.size > CAPACITY) this.#off.delete(this.#off.keys().next().value as string);
  }

  accepted(deviceId: string): void {
    if (this.#off.size > 0) this.#off.delete(deviceId);
  }

  /** By how much the device was ahead (negative: behind) lately; `undefined` = it is not off. Milliseconds. */
  aheadMs(deviceId: string, now: number): number | undefined {
    const off = this.#off.get(deviceId);
    if (off === undefined || now - off.at >= OFF_FOR_MS) return undefined;
    return off.direction === 'ahead' ? off.byMs : -off.byMs;
  }

  count(direction: ClockDirection, now: number): number {
    return this.#of(direction, now).length;
  }

  /** @param devices connected now. */
  disagreement(devices: number, now: number): ClockDisagreement | undefined {
    for (const direction of CLOCK_DIRECTIONS) {
      const off = this.#of(direction, now);
      const of = Math.max(devices, off.length);
      if (off.length < LEAST_DEVICES || off.length <= WRONG_FROM_SHARE * of) continue;
      const sorted = off.map(({ byMs }) => byMs).toSorted((a, b) => a - b);
      return { direction, devices: off.length, of, byMs: sorted[Math.floor(sorted.length / 2)] as number };
    }
    return undefined;
  }

  /** For people; `undefined` when no more than single devices are off. */
  ourTrouble(devices: number, now: number): string | undefined {
    const disagreement = this.disagreement(devices, now);
    return disagreement && describeDisagreement(disagreement);
  }

  #of(direction: ClockDirection, now: number): Off[] {
    // The oldest stand first.
    for (const [deviceId, { at }] of this.#off) {
      if (now - at < OFF_FOR_MS) break;
      this.#off.delete(deviceId);
    }
    return [...this.#off.values()].filter((off) => off.direction === direction);
  }
}

function describeDisagreement({ direction, devices, of, byMs }: ClockDisagreement): string {
  const hours = (byMs / 3_600_000).toFixed(1);
  const ours = direction === 'ahead' ? 'behind' : 'ahead';
  return `${devices} of ${of} devices send readings ${hours} h ${direction}: this machine's clock is ${ours}`;
}
