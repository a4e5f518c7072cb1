import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isSlow, type PasswordCredential, type SlowHash, verifySlow } from './credential.ts';
import { FairQueue } from './fair-queue.ts';

/** `former`: it is the password before the present one, which still works. */
export type PasswordVerdict = 'verified' | 'former' | 'wrong' | 'busy';

export interface PasswordCheckLimits {
  /** Hashes computed at once: each takes memory and a thread that files and name look-ups also need. */
  readonly concurrent: number;
  readonly waiting: number;
  /** Checks of one device from one address that wait: more come from somebody who guesses. */
  readonly waitingOfDevice: number;
  /** How long a verdict is remembered, milliseconds. The right password of a device is worth more than a wrong one. */
  readonly rememberVerifiedMs: number;
  readonly rememberWrongMs: number;
  /** Wrong passwords remembered. Verified ones are one for each device. */
  readonly rememberedWrong: number;
}

export const PASSWORD_CHECK_LIMITS: PasswordCheckLimits = {
  concurrent: 2,
  waiting: 1_000,
  waitingOfDevice: 2,
  rememberVerifiedMs: 24 * 60 * 60 * 1000,
  rememberWrongMs: 10 * 60 * 1000,
  rememberedWrong: 1_000,
};

interface Remembered {
  readonly digest: Buffer;
  readonly verdict: Exclude<PasswordVerdict, 'busy'>;
  /** The verdict holds for this entry of the file only. */
  readonly kept: PasswordCredential;
  readonly until: number;
}

/** Whose password it is said to be, and from where. */
export interface Asker {
  readonly deviceId: string;
  readonly address: string;
  /** Somebody was verified from this address before. */
  readonly isKnown: boolean;
}

interface Job {
  readonly password: Uint8Array;
  readonly kept: PasswordCredential;
  readonly signal: AbortSignal;
  readonly resolve: (verdict: PasswordVerdict) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Checks passwords whose hash is slow, without letting a storm of connections take the machine: few hashes at once, a
 * bounded queue with turns for all (whoever does not fit in is told to come back), and verdicts remembered for a while.
 * Every other turn is for addresses from which somebody was verified before: guesses from a hundred others would leave such a
 * one, with all the devices behind it, a hundredth.
 * What is remembered is a keyed digest of the password, under a key that lives and dies with the process. Wrong passwords are
 * remembered apart from verified ones, so that guessing cannot push those out.
 *
 * Of a check: *remembered* (answered at once) or *waiting* → *running*, when it is its turn and a place is free → *answered*.
 * Out of *waiting* it also goes as `busy`, when there is no room, or when nobody wants the answer any more. Of a verdict:
 * from its answer until its time is over, the file has another entry for the device, or `forget`.
 */
export class PasswordChecks {
  readonly #limits: PasswordCheckLimits;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #verified = new Map<string, Remembered>();
  readonly #wrong = new Map<string, Remembered>();
  readonly #waiting: { readonly known: FairQueue<Job>; readonly strangers: FairQueue<Job> };
  #nextLane: 'known' | 'strangers' = 'known';
  #running = 0;
  #hashes = 0;

  /** @param now milliseconds on any clock that does not jump back. */
  constructor(
    limits: PasswordCheckLimits = PASSWORD_CHECK_LIMITS,
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#now = now;
    const queue = (): FairQueue<Job> => new FairQueue(limits.waiting, limits.waitingOfDevice);
    this.#waiting = { known: queue(), strangers: queue() };
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

  /** @param signal the answer is not wanted any more: the check is left out when it has not begun. */
  async check(
    { deviceId, address, isKnown }: Asker,
    password: Uint8Array,
    kept: PasswordCredential,
    signal: AbortSignal,
  ): Promise<PasswordVerdict> {
    const digest = this.#digest(password);
    const recalled =
      this.#recalls(this.#verified, deviceId, digest, kept) ??
      this.#recalls(this.#wrong, deviceId, digest, kept);
    if (recalled !== undefined) return recalled;
    const verdict = await new Promise<PasswordVerdict>((resolve, reject) => {
      const lane = this.#waiting[isKnown ? 'known' : 'strangers'];
      if (!lane.push(address, deviceId, { password, kept, signal, resolve, reject })) resolve('busy');
      this.#runNext();
    });
    if (verdict !== 'busy') this.#remember(verdict, deviceId, digest, kept);
    return verdict;
  }

  /** A device is not in the file any more. */
  forget(deviceId: string): void {
    this.#verified.delete(deviceId);
    this.#wrong.delete(deviceId);
  }

  #recalls(
    memory: Map<string, Remembered>,
    deviceId: string,
    digest: Buffer,
    kept: PasswordCredential,
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
    kept: PasswordCredential,
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
    while (this.#running < this.#limits.concurrent) {
      const job = this.#next();
      if (job === undefined) return;
      if (job.signal.aborted) {
        job.resolve('busy');
        continue;
      }
      this.#running++;
      this.#judge(job.password, job.kept)
        .then(job.resolve, job.reject)
        .finally(() => {
          this.#running--;
          this.#runNext();
        });
    }
  }

  #next(): Job | undefined {
    const lane = this.#nextLane;
    const other = lane === 'known' ? 'strangers' : 'known';
    this.#nextLane = other;
    return this.#waiting[lane].shift() ?? this.#waiting[other].shift();
  }

  async #judge(password: Uint8Array, kept: PasswordCredential): Promise<Remembered['verdict']> {
    const verify = (hash: SlowHash): Promise<boolean> => {
      this.#hashes++;
      return verifySlow(password, hash);
    };
    if (isSlow(kept) && (await verify(kept))) return 'verified';
    const former = kept.previous?.password;
    return former !== undefined && isSlow(former) && (await verify(former)) ? 'former' : 'wrong';
  }
}
