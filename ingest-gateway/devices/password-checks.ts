import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { CheckPace } from './check-pace.ts';
import { type CheckPlace, type CheckRules, comeBack, NO_RULES, placeFor } from './check-place.ts';
import { isSlow, type PasswordCredential, type SlowHash } from './credential.ts';
import { FairQueue } from './fair-queue.ts';
import { HashThreads } from './hash-threads.ts';

/** `former`: it is the password before the present one, which still works. */
export type PasswordVerdict = 'verified' | 'former' | 'wrong' | 'busy';

export interface PasswordCheckLimits {
  /**
   * Checks handed over to the threads that compute hashes: twice as many as there are threads, so that each of them has its next
   * one, in the order of the turns, when it is done with one.
   */
  readonly handedOver: number;
  readonly waiting: number;
  /** A place is kept for as long after it was asked for the last time, milliseconds: clients come back after some seconds. */
  readonly keepPlaceMs: number;
  /** Checks of one device from one address that wait: more come from somebody who guesses. */
  readonly waitingOfDevice: number;
  /** How long a verdict is remembered, milliseconds. The right password of a device is worth more than a wrong one. */
  readonly rememberVerifiedMs: number;
  readonly rememberWrongMs: number;
  /** Wrong passwords remembered. Verified ones are one for each device. */
  readonly rememberedWrong: number;
}

export const PASSWORD_CHECK_LIMITS: PasswordCheckLimits = {
  handedOver: 4,
  waiting: 10_000,
  keepPlaceMs: 2 * 60 * 1000,
  waitingOfDevice: 2,
  rememberVerifiedMs: 24 * 60 * 60 * 1000,
  rememberWrongMs: 10 * 60 * 1000,
  rememberedWrong: 1_000,
};

interface Remembered {
  readonly digest: Buffer;
  readonly verdict: Exclude<PasswordVerdict, 'busy'>;
  /** The verdict holds for this entry of the file only. */
  readonly kept: PasswordCredential | undefined;
  readonly until: number;
}

/** Computes slow hashes, off the event loop. */
export type HashComputing = Pick<HashThreads, 'verify'> & Partial<Disposable>;

/** Whose password it is said to be, and from where. */
export interface Asker {
  readonly deviceId: string;
  readonly address: string;
  /** Somebody was verified from this address before. */
  readonly isKnown: boolean;
}

/**
 * Checks passwords whose hash is slow, without letting a storm of connections take the machine: few hashes at once, a
 * bounded queue with turns for all, and verdicts remembered for a while.
 * A place in the queue belongs to a device, an address and a password, not to a connection: a client that cannot wait for its
 * turn comes back to the place it had, and to the verdict, if its turn came meanwhile. So a fleet that connects for the first
 * time is let in as fast as hashes are computed, each device after as many others as came before it, and no hash is in vain.
 * Every other turn is for addresses from which somebody was verified before: guesses from a hundred others would leave such a
 * one, with all the devices behind it, a hundredth.
 * A password for which there is nothing slow to check (of an id that nobody knows, of one that was revoked) waits for its turn
 * and as long as a check takes, too, or the time would tell; it takes nobody's turn and no time of the machine.
 * What is remembered is a keyed digest of the password, under a key that lives and dies with the process. Wrong passwords are
 * remembered apart from verified ones, so that guessing cannot push those out.
 *
 * Of a check: *remembered* (answered at once) or *waiting* → *running*, when it is its turn and a place is free → *answered*.
 * It goes as `busy` instead of *waiting* when there is no room, and instead of *running* when nobody has asked for it for two
 * minutes, or when whoever asks has guessed too often meanwhile. Of a verdict: from its answer until its time is over, the file has another entry for the device, or `forget`.
 */
export class PasswordChecks implements Disposable {
  readonly #limits: PasswordCheckLimits;
  readonly #now: () => number;
  readonly #hashing: HashComputing;
  readonly #key = randomBytes(32);
  readonly #pace = new CheckPace();
  readonly #verified = new Map<string, Remembered>();
  readonly #wrong = new Map<string, Remembered>();
  readonly #waiting: { readonly known: FairQueue<CheckPlace>; readonly strangers: FairQueue<CheckPlace> };
  readonly #places = new Map<string, CheckPlace>();
  #nextLane: 'known' | 'strangers' = 'known';
  #running = 0;
  #hashes = 0;

  /** @param now milliseconds on any clock that does not jump back. */
  constructor(
    limits: PasswordCheckLimits = PASSWORD_CHECK_LIMITS,
    now: () => number = () => performance.now(),
    hashing: HashComputing = new HashThreads(),
  ) {
    this.#limits = limits;
    this.#now = now;
    this.#hashing = hashing;
    const queue = (): FairQueue<CheckPlace> => new FairQueue(limits.waiting, limits.waitingOfDevice);
    this.#waiting = { known: queue(), strangers: queue() };
  }

  /** The longest that a check took of late, milliseconds; 0 = there was none. */
  get slowestMs(): number {
    return this.#pace.slowestMs;
  }

  /** Finds out how long such hashes take here, before anybody waits for one. */
  async measure(hashes: readonly SlowHash[]): Promise<void> {
    for (const hash of hashes) await this.#timed(() => this.#hashing.verify(this.#key, hash));
  }

  /** Hashes computed so far. */
  get hashes(): number {
    return this.#hashes;
  }

  /** It was a right password lately: no hash is needed, nobody has to wait. `undefined` = that is not known. */
  recall(
    deviceId: string,
    password: Uint8Array,
    kept: PasswordCredential,
  ): 'verified' | 'former' | undefined {
    const verdict = this.#recalls(this.#verified, deviceId, this.#digest(password), kept);
    return verdict === 'wrong' ? undefined : verdict;
  }

  /** Checks that wait for their turn. */
  get waiting(): number {
    return this.#waiting.known.size + this.#waiting.strangers.size;
  }

  /** In about how many milliseconds all of them have had it. */
  get waitMs(): number {
    return (this.waiting * this.#pace.averageMs) / this.#limits.handedOver;
  }

  /**
   * Resolves when its turn has come, which may be long after the client has gone.
   *
   * @param kept `undefined` = there is nothing that the password could be right for.
   */
  async check(
    asker: Asker,
    password: Uint8Array,
    kept: PasswordCredential | undefined,
    { mayTry, onWrong }: CheckRules = NO_RULES,
  ): Promise<PasswordVerdict> {
    if (kept === undefined && this.#pace.averageMs === 0) {
      onWrong();
      return 'wrong';
    }
    const { deviceId, address } = asker;
    const digest = this.#digest(password);
    const recalled =
      this.#recalls(this.#verified, deviceId, digest, kept) ??
      this.#recalls(this.#wrong, deviceId, digest, kept);
    if (recalled === 'wrong') onWrong();
    if (recalled !== undefined) return recalled;
    const name = [deviceId, address, digest.toString('base64')].join(' ');
    const own = this.#places.get(name);
    if (own !== undefined && own.kept === kept) {
      return comeBack(own, this.#now());
    }
    const place = placeFor(password, kept, mayTry, this.#now());
    const lane = this.#waiting[asker.isKnown ? 'known' : 'strangers'];
    if (!lane.push(address, deviceId, place)) return 'busy';
    this.#places.set(name, place);
    this.#runNext();
    try {
      const verdict = await place.verdict.promise;
      if (verdict !== 'busy') this.#remember(verdict, deviceId, digest, kept);
      if (verdict === 'wrong') onWrong();
      return verdict;
    } finally {
      if (this.#places.get(name) === place) this.#places.delete(name);
    }
  }

  /** A device is not in the file any more. */
  forget(deviceId: string): void {
    this.#verified.delete(deviceId);
    this.#wrong.delete(deviceId);
  }

  [Symbol.dispose](): void {
    this.#hashing[Symbol.dispose]?.();
  }

  #recalls(
    memory: Map<string, Remembered>,
    deviceId: string,
    digest: Buffer,
    kept: PasswordCredential | undefined,
  ): Remembered['verdict'] | undefined {
    const known = memory.get(deviceId);
    if (known === undefined) return undefined;
    if (known.until <= this.#now() || known.kept !== kept) {
      memory.delete(deviceId);
      return undefined;
    }
    return timingSafeEqual(known.digest, digest) ? known.verdict : undefined;
  }

  #digest(password: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(password).digest();
  }

  #remember(
    verdict: Remembered['verdict'],
    deviceId: string,
    digest: Buffer,
    kept: PasswordCredential | undefined,
  ): void {
    const { rememberVerifiedMs, rememberWrongMs, rememberedWrong } = this.#limits;
    const memory = verdict === 'wrong' ? this.#wrong : this.#verified;
    const until = this.#now() + (verdict === 'wrong' ? rememberWrongMs : rememberVerifiedMs);
    memory.delete(deviceId);
    memory.set(deviceId, { verdict, digest, kept, until });
    if (this.#wrong.size <= rememberedWrong) return;
    const [oldest] = this.#wrong.keys();
    if (oldest !== undefined) this.#wrong.delete(oldest);
  }

  #runNext(): void {
    while (this.#running < this.#limits.handedOver) {
      const place = this.#next();
      if (place === undefined) return;
      const { kept, verdict, askedAt, mayTry } = place;
      if (this.#now() - askedAt > this.#limits.keepPlaceMs || !mayTry()) {
        verdict.resolve('busy');
        continue;
      }
      if (kept === undefined) {
        setTimeout(() => verdict.resolve('wrong'), this.#pace.averageMs);
        continue;
      }
      this.#running++;
      this.#timed(() => this.#judge(place.password, kept))
        .then(verdict.resolve, verdict.reject)
        .finally(() => {
          this.#running--;
          this.#runNext();
        });
    }
  }

  async #timed<Result>(check: () => Promise<Result>): Promise<Result> {
    const startedAt = this.#now();
    try {
      return await check();
    } finally {
      this.#pace.took(this.#now() - startedAt);
    }
  }

  #next(): CheckPlace | undefined {
    const lane = this.#nextLane;
    const other = lane === 'known' ? 'strangers' : 'known';
    this.#nextLane = other;
    return this.#waiting[lane].shift() ?? this.#waiting[other].shift();
  }

  async #judge(password: Uint8Array, kept: PasswordCredential): Promise<Remembered['verdict']> {
    const verify = (hash: SlowHash): Promise<boolean> => {
      this.#hashes++;
      return this.#hashing.verify(password, hash);
    };
    if (isSlow(kept) && (await verify(kept))) return 'verified';
    const former = kept.previous?.password;
    return former !== undefined && isSlow(former) && (await verify(former)) ? 'former' : 'wrong';
  }
}
