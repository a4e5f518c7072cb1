/** Who holds bytes that nobody else can use. */
export interface MemoryHolder {
  /** What it holds is of little use any more: it goes first. */
  readonly isGone?: boolean;
  /** Lets go of them, and ends its connection: the memory is needed. The device sends again what was not acknowledged. */
  drop(bytes: number): void;
}

/** Dropping stops at this share of the bound, so that it is not done again for the next slice. */
const LOW_WATER = 0.75;

/**
 * Counts one kind of bytes that connections hold for as long as they like, each within its own bound:
 *
 * - what their parsers hold of packets that are not complete: a client may send one as slowly as its network lets it, so there
 *   is no time limit; but thousands that begin one and never finish it would hold a packet's size each;
 * - what was read from their sockets and is not looked at yet, because they are paused or wait for their turn.
 *
 * *Below the bound* nothing happens. *At the bound* those that hold most are dropped, until a quarter is free, and before them
 * those that are gone: whoever sends little, or packets of an ordinary size, is never among them.
 */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #held = new Map<MemoryHolder, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param bytes that `holder` has now.
   * @returns those that it had
   */
  hold(holder: MemoryHolder, bytes: number): number {
    const before = this.#held.get(holder) ?? 0;
    if (before === bytes) return before;
    this.#bytes += bytes - before;
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    if (this.#bytes > this.#maxBytes) this.#dropLargest();
    return before;
  }

  #dropLargest(): void {
    const inOrder = [...this.#held].sort(
      ([a, bytesOfA], [b, bytesOfB]) =>
        Number(b.isGone ?? false) - Number(a.isGone ?? false) || bytesOfB - bytesOfA,
    );
    for (const [holder, bytes] of inOrder) {
      if (this.#bytes <= this.#maxBytes * LOW_WATER) return;
      this.hold(holder, 0);
      holder.drop(bytes);
    }
  }
}
