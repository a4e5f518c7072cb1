import type { EventLogHealth } from '#event-log/event-log.ts';

/** A probe writes no more than this, however much failed. Bytes. */
const MOST_PROBED_BYTES = 8 * 1024 * 1024;
const LEAST_PROBED_BYTES = 64 * 1024;

/**
 * Whether the file can be written, from what happened to the transactions. Up → down with the first failure; down → up
 * only when as much as failed was written: a record of some bytes fits on a disk that is full for every message, and a
 * health that follows it flips with each record. While down, a probe of that size asks, once in `probeEveryMs`. Doubted, it
 * is up until the probe that is due at once says otherwise: that nobody tried does not show that it works.
 *
 * Pure: times come in, on one clock.
 */
export class WriteAvailability {
  readonly #probeEveryMs: number;
  #health: EventLogHealth = { up: true, detail: '' };
  #failedBytes = 0;
  #probeAt = 0;
  #isDoubted = false;

  constructor(probeEveryMs: number) {
    this.#probeEveryMs = probeEveryMs;
  }

  get health(): EventLogHealth {
    return this.#health;
  }

  /** The next transaction is to show whether writing works. */
  doubt(): void {
    this.#isDoubted = true;
  }

  /** Milliseconds until the next probe is due; `undefined` while none is needed. */
  probeInMs(now: number): number | undefined {
    if (this.#isDoubted) return 0;
    return this.#health.up ? undefined : Math.max(0, this.#probeAt - now);
  }

  /** @returns how much the transaction that begins now is to write as a probe; 0: none is due. */
  takeProbe(now: number): number {
    if (!this.#isDoubted && (this.#health.up || now < this.#probeAt)) return 0;
    this.#isDoubted = false;
    this.#probeAt = now + this.#probeEveryMs;
    return Math.min(MOST_PROBED_BYTES, Math.max(LEAST_PROBED_BYTES, this.#failedBytes));
  }

  failed(bytes: number, detail: string, now: number): void {
    if (this.#health.up) this.#probeAt = now + this.#probeEveryMs;
    this.#failedBytes = Math.max(this.#failedBytes, bytes);
    this.#health = { up: false, detail };
  }

  /** @param bytes of records and probe that were written. */
  wrote(bytes: number): void {
    if (!this.#health.up && bytes < Math.min(MOST_PROBED_BYTES, this.#failedBytes)) return;
    this.#failedBytes = 0;
    this.#health = { up: true, detail: '' };
  }
}
