import { BACK_OFF, BackOff, type BackOffOptions } from '#runtime/back-off.ts';
import { forgetOldest } from '#runtime/forget-oldest.ts';

export interface LoginLimitsOptions extends Omit<BackOffOptions, 'free'> {
  /** Wrong logins that cost nothing but themselves: of one device from one address, … */
  readonly freeOfPair: number;
  /** … of one device from all addresses that it was not verified from, … */
  readonly freeOfDevice: number;
  /** … and of one address, whatever it claims to be. */
  readonly freeOfAddress: number;
}

const { free: freeOfPair, ...backOff } = BACK_OFF;
export const LOGIN_LIMITS: LoginLimitsOptions = {
  ...backOff,
  freeOfPair,
  freeOfDevice: 20,
  freeOfAddress: 50,
};

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
  readonly #capacity: number;
  readonly #pairs: BackOff;
  readonly #devices: BackOff;
  readonly #addresses: BackOff;
  /** Where a device was verified last. */
  readonly #homes = new Map<string, string>();
  /** Where any device was verified, as keys. */
  readonly #known = new Map<string, true>();

  /** @param now milliseconds on a clock that does not jump. */
  constructor(options: Partial<LoginLimitsOptions> = {}, now: () => number = () => performance.now()) {
    const all = { ...LOGIN_LIMITS, ...options };
    this.#capacity = all.capacity;
    this.#pairs = new BackOff({ ...all, free: all.freeOfPair }, now);
    this.#devices = new BackOff({ ...all, free: all.freeOfDevice }, now);
    this.#addresses = new BackOff({ ...all, free: all.freeOfAddress }, now);
  }

  /** Milliseconds until this login may be tried; 0 = now. */
  waitMs(deviceId: string, address: string): number {
    const ofPair = this.#pairs.waitMs(pair(deviceId, address));
    if (this.#homes.get(deviceId) === address) return ofPair;
    return Math.max(ofPair, this.#devices.waitMs(deviceId), this.#addresses.waitMs(address));
  }

  failed(deviceId: string, address: string): void {
    this.#pairs.failed(pair(deviceId, address));
    if (this.#homes.get(deviceId) === address) return;
    this.#devices.failed(deviceId);
    this.#addresses.failed(address);
  }

  succeeded(deviceId: string, address: string): void {
    this.#pairs.forget(pair(deviceId, address));
    remember(this.#homes, deviceId, address, this.#capacity);
    remember(this.#known, address, true, this.#capacity);
  }

  /** Whether some device was verified from there. */
  isKnown(address: string): boolean {
    return this.#known.has(address);
  }

  /** The device has another password, or none: what was wrong may be right now. */
  forget(deviceId: string): void {
    this.#devices.forget(deviceId);
    this.#homes.delete(deviceId);
    this.#pairs.forgetThose((key) => key.startsWith(`${deviceId} `));
  }
}

/** Neither part can hold a space. */
function pair(deviceId: string, address: string): string {
  return `${deviceId} ${address}`;
}

/** Sets it as the newest; the oldest make room. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value, capacity: number): void {
  map.delete(key);
  map.set(key, value);
  forgetOldest(map, capacity);
}
