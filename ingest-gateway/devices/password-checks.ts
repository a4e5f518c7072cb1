import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type PasswordHash, verifyPassword } from './password-hash.ts';

export type PasswordVerdict = 'verified' | 'wrong' | 'busy';

export interface PasswordCheckLimits {
  /** Hashes computed at once: each takes memory and a thread that files and name look-ups also need. */
  readonly concurrent: number;
  readonly waiting: number;
  /** How long a verdict is remembered, milliseconds. */
  readonly rememberMs: number;
  /** Wrong passwords remembered. Verified ones are one for each device. */
  readonly rememberedWrong: number;
}

export const PASSWORD_CHECK_LIMITS: PasswordCheckLimits = {
  concurrent: 2,
  waiting: 1_000,
  rememberMs: 10 * 60 * 1000,
  rememberedWrong: 1_000,
};

interface Remembered {
  readonly digest: Buffer;
  /** The verdict holds for this entry of the file only. */
  readonly kept: PasswordHash;
  readonly until: number;
}

interface Job {
  readonly password: Uint8Array;
  readonly kept: PasswordHash;
  readonly signal: AbortSignal;
  readonly resolve: (verdict: PasswordVerdict) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Checks passwords without letting a storm of connections take the machine: few hashes at once, a bounded queue (whoever
 * does not fit in is told to come back), and verdicts remembered for a while. What is remembered is a keyed digest of
 * the password, under a key that lives and dies with the process. Wrong passwords are remembered apart from verified
 * ones, so that guessing cannot push those out.
 */
export class PasswordChecks {
  readonly #limits: PasswordCheckLimits;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #verified = new Map<string, Remembered>();
  readonly #wrong = new Map<string, Remembered>();
  readonly #waiting: Job[] = [];
  #running = 0;
  #hashes = 0;

  /** @param now milliseconds on any clock that does not jump back. */
  constructor(
    limits: PasswordCheckLimits = PASSWORD_CHECK_LIMITS,
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Hashes computed so far. */
  get hashes(): number {
    return this.#hashes;
  }

  /** @param signal the answer is not wanted any more: the check is left out when it has not begun. */
  async check(
    deviceId: string,
    password: Uint8Array,
    kept: PasswordHash,
    signal: AbortSignal,
  ): Promise<PasswordVerdict> {
    const digest = createHmac('sha256', this.#key).update(password).digest();
    if (this.#recalls(this.#verified, deviceId, digest, kept)) return 'verified';
    if (this.#recalls(this.#wrong, deviceId, digest, kept)) return 'wrong';
    const verdict = await this.#enqueue(password, kept, signal);
    if (verdict !== 'busy')
      this.#remember(verdict, deviceId, { digest, kept, until: this.#now() + this.#limits.rememberMs });
    return verdict;
  }

  /** A device is not in the file any more. */
  forget(deviceId: string): void {
    this.#verified.delete(deviceId);
    this.#wrong.delete(deviceId);
  }

  #recalls(memory: Map<string, Remembered>, deviceId: string, digest: Buffer, kept: PasswordHash): boolean {
    const known = memory.get(deviceId);
    if (known === undefined) return false;
    if (known.until <= this.#now() || known.kept !== kept) {
      memory.delete(deviceId);
      return false;
    }
    return timingSafeEqual(known.digest, digest);
  }

  #remember(verdict: 'verified' | 'wrong', deviceId: string, what: Remembered): void {
    const memory = verdict === 'verified' ? this.#verified : this.#wrong;
    memory.delete(deviceId);
    memory.set(deviceId, what);
    if (this.#wrong.size <= this.#limits.rememberedWrong) return;
    const [oldest] = this.#wrong.keys();
    if (oldest !== undefined) this.#wrong.delete(oldest);
  }

  #enqueue(password: Uint8Array, kept: PasswordHash, signal: AbortSignal): Promise<PasswordVerdict> {
    if (this.#waiting.length >= this.#limits.waiting) return Promise.resolve('busy');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ password, kept, signal, resolve, reject });
      this.#runNext();
    });
  }

  #runNext(): void {
    while (this.#running < this.#limits.concurrent) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      if (job.signal.aborted) {
        job.resolve('busy');
        continue;
      }
      this.#running++;
      this.#hashes++;
      verifyPassword(job.password, job.kept)
        .then((right) => job.resolve(right ? 'verified' : 'wrong'), job.reject)
        .finally(() => {
          this.#running--;
          this.#runNext();
        });
    }
  }
}
