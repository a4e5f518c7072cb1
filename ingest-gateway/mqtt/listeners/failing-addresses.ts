import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { TokenBucket } from '#ingest-gateway/token-bucket.ts';
import { forgetOldest } from '#runtime/forget-oldest.ts';

/** Failures that an address may have at once: those of so many seconds. */
const BURST_SECONDS = 2;
/** So much less often than one from which a device was let in may an address fail from which none was. */
const STRANGERS_SHARE = 1 / 50;
/** A known address never waits for longer, whatever came from there: behind it may be a site that did nothing. */
const LONGEST_WAIT_MS = 5_000;
const LONGEST_WAIT_OF_STRANGERS_MS = 30_000;
/** For so long after an address last had to wait it pays in advance. */
const SUSPECT_MS = 5 * 60_000;
/** Addresses remembered. */
const CAPACITY = 20_000;

interface Address {
  readonly failures: TokenBucket;
  isKnown: boolean;
  /** On the clock of `performance.now()`. */
  suspectUntil: number;
}

/**
 * Which addresses have to wait, because their connections came to nothing over and over: a handshake that fails, bytes that
 * are no MQTT, a request that is no upgrade, a CONNECT that is refused. Each costs a millisecond or two of the event loop (TLS
 * most), so a few hundred a second would take a core, and each alone is cheap to make.
 *
 * An address pays for what fails, and for nothing else: whoever comes in costs it nothing. It is *free* until it failed more
 * often than it may, then it *waits*, until as many as it failed too often would be allowed again, but not for long: one
 * stranger behind a shared address must not shut it out. Instead it is *suspect* from then on: each connection pays in advance
 * and gets that back when it has not failed, so that no crowd can fail at once after each wait. That ends when the address has
 * not had to wait for {@link SUSPECT_MS}.
 *
 * An address is a *stranger* until a device is let in from there, and *known* from then on. A stranger may fail so seldom that
 * it is shut out in effect. A known one may be a site, whose other devices did nothing: it is slowed to a pace that the gateway
 * can afford, and what is connected stays. Of those that come meanwhile nobody can say which are good before the work is done
 * that is to be saved; they come in at another try. A balancer's clients are told apart by the PROXY protocol.
 *
 * It decides only. Too many addresses: those that did nothing for the longest time are forgotten, and strangers again.
 */
export class FailingAddresses {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #addresses = new Map<string, Address>();

  /** @param now milliseconds on the clock of `performance.now()`. */
  constructor(
    { failuresPerSecondPerAddress }: Pick<GatewayLimits, 'failuresPerSecondPerAddress'>,
    now: () => number = () => performance.now(),
  ) {
    this.#perSecond = failuresPerSecondPerAddress;
    this.#now = now;
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Milliseconds until the address may try again; 0 = now. */
  waitMs(address: string): number {
    return this.#addresses.get(address)?.failures.waitMs(this.#now()) ?? 0;
  }

  /** A connection comes from there. @returns whether it has paid for its failure, as one from a suspect address does */
  entered(address: string): boolean {
    const known = this.#addresses.get(address);
    if (known === undefined || known.suspectUntil <= this.#now()) return false;
    known.failures.take(1);
    return true;
  }

  /** One that has paid did not fail. */
  payBack(address: string): void {
    this.#addresses.get(address)?.failures.take(-1);
  }

  /** A connection from there came to nothing, by its own fault. */
  failed(address: string, hasPaid = false): void {
    const known = this.#touch(address);
    const { failures, isKnown } = known;
    const now = this.#now();
    const longestMs = isKnown ? LONGEST_WAIT_MS : LONGEST_WAIT_OF_STRANGERS_MS;
    if (!hasPaid && failures.waitMs(now) < longestMs) failures.take(1);
    if (failures.waitMs(now) > 0) known.suspectUntil = now + SUSPECT_MS;
  }

  /** A device was let in from there. */
  letIn(address: string): void {
    const known = this.#touch(address);
    if (known.isKnown) return;
    known.isKnown = true;
    known.failures.change(this.#perSecond, this.#burst, this.#now());
  }

  get #burst(): number {
    return this.#perSecond * BURST_SECONDS;
  }

  /** Makes it the one used last. */
  #touch(address: string): Address {
    const touched = this.#addresses.get(address) ?? {
      failures: new TokenBucket(this.#perSecond * STRANGERS_SHARE, this.#burst, this.#now()),
      isKnown: false,
      suspectUntil: -Infinity,
    };
    this.#addresses.delete(address);
    this.#addresses.set(address, touched);
    forgetOldest(this.#addresses, CAPACITY);
    return touched;
  }
}
