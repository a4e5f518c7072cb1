export interface LoginLimitsOptions {
  /** Wrong logins that cost nothing but themselves: of one device from one address, … */
  readonly freeOfPair: number;
  /** … of one device from all addresses that it was not verified from, … */
  readonly freeOfDevice: number;
  /** … and of one address, whatever it claims to be. */
  readonly freeOfAddress: number;
  /** The first wait after those, milliseconds. It doubles with each further wrong login. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Wrong logins are forgotten when none came for so long, milliseconds. */
  readonly forgetMs: number;
  /** Pairs, devices and addresses remembered, each. */
  readonly capacity: number;
}

export const LOGIN_LIMITS: LoginLimitsOptions = {
  freeOfPair: 5,
  freeOfDevice: 20,
  freeOfAddress: 50,
  firstWaitMs: 1_000,
  longestWaitMs: 5 * 60 * 1000,
  forgetMs: 15 * 60 * 1000,
  capacity: 20_000,
};

/** Wrong logins of one key, and until when it has to wait for the next one. */
interface Record {
  failures: number;
  waitUntil: number;
  lastAt: number;
}

/**
 * Who may try a password, after wrong ones: a growing back-off, by device and address.
 *
 * - **A device at an address** that is wrong too often waits. That stops the device with an old password and the guesser
 *   alike, and nobody else.
 * - **A device** waits as a whole when guesses come from many addresses – but not from where it was verified before, or
 *   anybody could lock a device out of its own login.
 * - **An address** waits when it is wrong for many devices: it tries ids. Devices that were verified from there before
 *   may go on: they share the address with somebody else.
 *
 * A login that has to wait is not counted as another wrong one: a device with an old password that tries every second
 * does not lengthen its own wait, nor that of its neighbours. It decides only; passwords that can be checked at no cost
 * are not asked for (see `CredentialStore`).
 */
export class LoginLimits {
  readonly #options: LoginLimitsOptions;
  readonly #now: () => number;
  readonly #pairs = new Map<string, Record>();
  readonly #devices = new Map<string, Record>();
  readonly #addresses = new Map<string, Record>();
  /** Where a device was verified last. */
  readonly #homes = new Map<string, string>();
  /** Where any device was verified, as keys. */
  readonly #known = new Map<string, true>();

  /** @param now milliseconds on a clock that does not jump. */
  constructor(options: Partial<LoginLimitsOptions> = {}, now: () => number = () => performance.now()) {
    this.#options = { ...LOGIN_LIMITS, ...options };
    this.#now = now;
  }

  /** Milliseconds until this login may be tried; 0 = now. */
  waitMs(deviceId: string, address: string): number {
    const waits = [this.#pairs.get(pair(deviceId, address))];
    if (this.#homes.get(deviceId) !== address)
      waits.push(this.#devices.get(deviceId), this.#addresses.get(address));
    const now = this.#now();
    return Math.max(0, ...waits.map((record) => (record === undefined ? 0 : record.waitUntil - now)));
  }

  failed(deviceId: string, address: string): void {
    const { freeOfPair, freeOfDevice, freeOfAddress } = this.#options;
    this.#count(this.#pairs, pair(deviceId, address), freeOfPair);
    if (this.#homes.get(deviceId) === address) return;
    this.#count(this.#devices, deviceId, freeOfDevice);
    this.#count(this.#addresses, address, freeOfAddress);
  }

  succeeded(deviceId: string, address: string): void {
    this.#pairs.delete(pair(deviceId, address));
    remember(this.#homes, deviceId, address, this.#options.capacity);
    remember(this.#known, address, true, this.#options.capacity);
  }

  /** Whether some device was verified from there. */
  isKnown(address: string): boolean {
    return this.#known.has(address);
  }

  /** The device has another password, or none: what was wrong may be right now. */
  forget(deviceId: string): void {
    this.#devices.delete(deviceId);
    this.#homes.delete(deviceId);
    for (const key of this.#pairs.keys()) if (key.startsWith(`${deviceId} `)) this.#pairs.delete(key);
  }

  #count(records: Map<string, Record>, key: string, free: number): void {
    const { forgetMs, firstWaitMs, longestWaitMs, capacity } = this.#options;
    const now = this.#now();
    const known = records.get(key);
    const failures = known === undefined || now - known.lastAt > forgetMs ? 1 : known.failures + 1;
    // Far beyond the longest wait the power would overflow.
    const doublings = Math.min(failures - free, 30);
    const wait = doublings <= 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (doublings - 1));
    remember(records, key, { failures, waitUntil: now + wait, lastAt: now }, capacity);
  }
}

/** Neither part can hold a space. */
function pair(deviceId: string, address: string): string {
  return `${deviceId} ${address}`;
}

/** Sets it as the newest; the oldest makes room. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value, capacity: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= capacity) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
