/** Who holds bytes of a packet that is not complete. */
export interface PartialPacketHolder {
  /** Ends the connection: the memory is needed. The device sends again what was not acknowledged. */
  dropPartialPacket(bytes: number): void;
}

/** Dropping stops at this share of the bound, so that it is not done again for the next slice. */
const LOW_WATER = 0.75;

/**
 * Counts what the connections' parsers hold of packets that are not complete. A client may send a packet as slowly as its
 * network lets it, so there is no time limit; but thousands that begin one and never finish it would hold a packet's
 * size each.
 *
 * *Below the bound* nothing happens. *At the bound* those that hold most are dropped, until a quarter is free: whoever
 * sends packets of an ordinary size is never among them.
 */
export class PartialPackets {
  readonly #maxBytes: number;
  readonly #held = new Map<PartialPacketHolder, number>();
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
  hold(holder: PartialPacketHolder, bytes: number): number {
    const before = this.#held.get(holder) ?? 0;
    if (before === bytes) return before;
    this.#bytes += bytes - before;
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    if (this.#bytes > this.#maxBytes) this.#dropLargest();
    return before;
  }

  #dropLargest(): void {
    const largestFirst = [...this.#held].sort(([, a], [, b]) => b - a);
    for (const [holder, bytes] of largestFirst) {
      if (this.#bytes <= this.#maxBytes * LOW_WATER) return;
      this.hold(holder, 0);
      holder.dropPartialPacket(bytes);
    }
  }
}
