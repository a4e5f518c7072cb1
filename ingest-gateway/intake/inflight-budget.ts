/** Something that stopped reading because a budget was used up. */
export interface Waiter {
  /** Look again whether reading may go on. Never called from within `take` or `release`. */
  resume(): void;
}

/** Waiters woken in one turn of the event loop, so that waking 10,000 of them does not hold up everything else. */
const WAKE_AT_ONCE = 64;

/**
 * Counts what was read but is not yet durable, in messages and bytes: of one device, and of the whole gateway.
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
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #waiters = new Set<Waiter>();
  readonly #idleCallbacks: (() => void)[] = [];
  #messages = 0;
  #bytes = 0;
  #full = false;
  #waking = false;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
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

  take(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
    if (this.#messages >= this.#maxMessages || this.#bytes >= this.#maxBytes) this.#full = true;
  }

  release(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    if (this.#full && this.#messages <= this.#maxMessages / 2 && this.#bytes <= this.#maxBytes / 2) {
      this.#full = false;
      this.#wakeSoon();
    }
    if (this.#messages === 0) for (const idle of this.#idleCallbacks.splice(0)) idle();
  }

  /** Resumes `waiter` once when the budget opens. Waiting twice keeps the first place. */
  wait(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }

  forget(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#messages === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleCallbacks.push(resolve));
  }

  #wakeSoon(): void {
    if (this.#waking || this.#waiters.size === 0) return;
    this.#waking = true;
    setImmediate(() => {
      this.#waking = false;
      let woken = 0;
      for (const waiter of this.#waiters) {
        if (this.#full) return;
        if (woken++ === WAKE_AT_ONCE) return this.#wakeSoon();
        this.#waiters.delete(waiter);
        waiter.resume();
      }
    });
  }
}
