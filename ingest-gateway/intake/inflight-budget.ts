/** Something that stopped reading because a budget was used up. */
export interface Waiter {
  /** Look again whether reading may go on. Never called from within `take` or `release`. */
  resume(): void;
}

/**
 * What one part may hold of what is free in the total. So N parts that want everything hold N/(N + 8) of it together, and
 * whoever wants little finds room: a total can be used up only by very many.
 */
const FAIR_SHARE = 1 / 8;
/** A full budget opens at this share of its bounds. */
const LOW_WATER = 0.5;

/** Waiters woken in one turn of the event loop, so that waking 10,000 of them does not hold up everything else. */
const WAKE_AT_ONCE = 64;

/**
 * Counts what was read but is not yet durable, in messages and bytes: of one device, and of the whole gateway.
 *
 * The bounds of a device shrink as the total fills (`FAIR_SHARE`), so that some devices cannot use up what all share.
 *
 * Two states. *Open*: reading goes on. *Full*: entered when either bound is reached; nobody reads, and who wanted to is
 * remembered in order. Left only when both counts are down to half their bounds, because a budget that opened with
 * each freed message would wake every waiter for one message each. Waiters are then woken oldest first, until the
 * budget is full again; the rest keep their places.
 *
 * Readers look before they read, and what they read is counted after it was parsed: the bounds are exceeded by at most
 * one slice of the reader (see `read-gate.ts`).
 */
export class InflightBudget {
  #maxMessages: number;
  #maxBytes: number;
  readonly #total: InflightBudget | undefined;
  /** Both from the first one on: each device that is remembered has a budget. */
  #waiters: Set<Waiter> | undefined;
  #idleCallbacks: (() => void)[] | undefined;
  #messages = 0;
  #bytes = 0;
  #full = false;
  #waking = false;

  /** @param total of which this one is a part: then its bounds shrink as that fills. */
  constructor(maxMessages: number, maxBytes: number, total?: InflightBudget) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
    this.#total = total;
  }

  /** Messages that it may hold. */
  get maxMessages(): number {
    return this.#maxMessages;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#full;
  }

  change(maxMessages: number, maxBytes: number): void {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
    if (!this.#full) this.#full = this.#exceeds(1);
    else this.#openBelowLowWater();
  }

  take(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
    if (this.#exceeds(1)) this.#full = true;
  }

  release(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    this.#openBelowLowWater();
    if (this.#messages === 0 && this.#idleCallbacks !== undefined) this.#tellIdle();
  }

  /** Resumes `waiter` once when the budget opens. Waiting twice keeps the first place. */
  wait(waiter: Waiter): void {
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
  }

  forget(waiter: Waiter): void {
    this.#waiters?.delete(waiter);
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#messages === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idleCallbacks ??= [];
      this.#idleCallbacks.push(resolve);
    });
  }

  #tellIdle(): void {
    const callbacks = this.#idleCallbacks ?? [];
    this.#idleCallbacks = undefined;
    for (const idle of callbacks) idle();
  }

  #openBelowLowWater(): void {
    if (!this.#full || this.#exceeds(LOW_WATER)) return;
    this.#full = false;
    this.#wakeSoon();
  }

  /** Whether more than a share of what it may hold is taken. With nothing in flight there is always room for a message. */
  #exceeds(share: number): boolean {
    if (this.#messages === 0) return false;
    const total = this.#total;
    let maxMessages = this.#maxMessages;
    let maxBytes = this.#maxBytes;
    if (total !== undefined) {
      maxMessages = Math.min(maxMessages, FAIR_SHARE * (total.#maxMessages - total.#messages));
      maxBytes = Math.min(maxBytes, FAIR_SHARE * (total.#maxBytes - total.#bytes));
    }
    return share === 1
      ? this.#messages >= maxMessages || this.#bytes >= maxBytes
      : this.#messages > maxMessages * share || this.#bytes > maxBytes * share;
  }

  #wakeSoon(): void {
    const waiters = this.#waiters;
    if (this.#waking || waiters === undefined || waiters.size === 0) return;
    this.#waking = true;
    setImmediate(() => {
      this.#waking = false;
      let woken = 0;
      for (const waiter of waiters) {
        if (this.#full) return;
        if (woken++ === WAKE_AT_ONCE) return this.#wakeSoon();
        waiters.delete(waiter);
        waiter.resume();
      }
    });
  }
}
