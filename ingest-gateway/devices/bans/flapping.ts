export interface FlappingLimits {
  /** Connections of one device … */
  readonly connects: number;
  /** … in this time make it a flapping one, milliseconds. */
  readonly windowMs: number;
  /** How long it is kept out then, milliseconds; twice as long each time it goes on. */
  readonly firstBanMs: number;
  readonly longestBanMs: number;
}

export const FLAPPING_LIMITS: FlappingLimits = {
  connects: 60,
  windowMs: 60_000,
  firstBanMs: 60_000,
  longestBanMs: 10 * 60_000,
};

/** Devices remembered. */
const CAPACITY = 20_000;

interface Record {
  since: number;
  connects: number;
  bans: number;
}

/**
 * Notices devices that connect over and over: two with one id that take the session from each other, or a firmware that
 * ends its connection after each message. Each connection costs more than many messages do. Such a device is kept out
 * for a while; when it was quiet for a window of time, it begins anew.
 *
 * Per device: *counting*, within a window that begins with its first connection → *kept out* at one connection too many, the
 * longer the more often → *counting* anew. That it was kept out is forgotten after the longest ban and a window without
 * another one, or when too many other devices came since.
 */
export class FlappingWatch {
  readonly #limits: FlappingLimits;
  readonly #now: () => number;
  readonly #devices = new Map<string, Record>();

  /** @param now milliseconds on a clock that does not jump. */
  constructor(limits: Partial<FlappingLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...FLAPPING_LIMITS, ...limits };
    this.#now = now;
  }

  /** The device proved to be itself. @returns for how long it is to be kept out, milliseconds; 0 = not at all. */
  connected(deviceId: string): number {
    const { connects, windowMs, firstBanMs, longestBanMs } = this.#limits;
    const now = this.#now();
    const known = this.#devices.get(deviceId);
    const record = known ?? { since: now, connects: 0, bans: 0 };
    if (now - record.since > windowMs) {
      // A whole ban and a window without flapping: it learned.
      if (now - record.since > longestBanMs + windowMs) record.bans = 0;
      record.since = now;
      record.connects = 0;
    }
    record.connects++;
    this.#devices.delete(deviceId);
    this.#devices.set(deviceId, record);
    if (this.#devices.size > CAPACITY) this.#forgetOldest();
    if (record.connects <= connects) return 0;
    record.connects = 0;
    record.since = now;
    return Math.min(longestBanMs, firstBanMs * 2 ** record.bans++);
  }

  #forgetOldest(): void {
    for (const deviceId of this.#devices.keys()) {
      this.#devices.delete(deviceId);
      return;
    }
  }
}
