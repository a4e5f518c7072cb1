/** The first record that is not older than the timestamp that was asked for; offset -1: there is none. */
export interface FirstRecordSince {
  readonly offset: number;
  readonly timestamp: number;
}

/** The port asks for a second or a tenth of the age; half of the former leaves room for the brokers' clocks. */
const EXACT_TO_MS = 500;
const EXACT_TO_SHARE = 0.1;

/**
 * Finds the log timestamp of the record at an offset with Kafka's one question about time, "which is the first record
 * since …?" (ListOffsets). Bisects the record's *age* geometrically, because the answer may be as coarse as a tenth of
 * it: eight questions for a week. A group that never committed, whose first record is the oldest one, takes one.
 *
 * Timestamps rise with the offsets (`LogAppendTime`); where they do not, after a broker's clock was set back, the
 * answer is off by that step, and the search still ends.
 */
export class BacklogSearch {
  readonly #offset: number;
  readonly #now: number;
  /** The record is not older than this; undefined until the oldest record is known. */
  #notBefore: number | undefined;
  /** The record is older than this. */
  #before: number;
  #found = false;
  #nothing = false;

  constructor(offset: number, now: number) {
    this.#offset = offset;
    this.#now = now;
    this.#before = now + 1;
  }

  /** The next timestamp to ask for; undefined when the answer is known well enough. */
  next(): number | undefined {
    if (this.#found || this.#nothing) return undefined;
    if (this.#notBefore === undefined) return 0;
    const youngest = Math.max(0, this.#now - this.#before);
    const oldest = Math.max(0, this.#now - this.#notBefore);
    if (oldest - youngest <= Math.max(EXACT_TO_MS, EXACT_TO_SHARE * youngest)) return undefined;
    const age = Math.sqrt((youngest + EXACT_TO_MS) * (oldest + EXACT_TO_MS)) - EXACT_TO_MS;
    return Math.round(this.#now - age);
  }

  learn(asked: number, first: FirstRecordSince): void {
    if (first.offset === this.#offset) {
      this.#notBefore = first.timestamp;
      this.#found = true;
    } else if (first.offset >= 0 && first.offset < this.#offset) {
      this.#notBefore = Math.max(this.#notBefore ?? 0, first.timestamp, asked);
    } else if (this.#notBefore === undefined) {
      // The oldest record is already a later one: ours was removed meanwhile.
      if (first.offset >= 0) this.#notBefore = first.timestamp;
      else this.#nothing = true;
      this.#found = true;
    } else {
      this.#before = Math.min(this.#before, asked);
    }
  }

  /** When the record was appended, rather too early than too late; null when it is gone. */
  get result(): number | null {
    return this.#notBefore ?? null;
  }
}
