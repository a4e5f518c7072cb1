/** What stays free of readings and letters, for states and positions: without those nothing can ever be cleared away. */
const RESERVE_SHARE = 0.02;
/** A log that was full takes records again when this much is free besides what did not fit: else it would open for one record. */
const HEADROOM_SHARE = 0.01;
/** Of what did not fit, no more than this has to fit again: a large batch may come in parts. */
const MISSED_SHARE = 0.05;
/** Room beyond the payloads for index entries and page headers. Bytes. */
const OVERHEAD_BYTES = 64 * 1024;

/**
 * Decides whether records fit into the file. `data`: readings and letters, up to the limit less a reserve; `control`:
 * what is needed to clear something away, up to the limit itself. A limit that was set below what the log holds leaves such
 * things as much room beside that as they have below it.
 *
 * Modes: open → full (data did not fit) → open (data fits with some room to spare). While it is full, all data is
 * refused, small records as well: else the log would be up for one device and down for the next, from one record to
 * the other.
 */
export class LogSpace {
  /** The most that did not fit since the log is full; 0 while it is open. */
  #missedBytes = 0;
  /** The least that was held at any look. */
  #leastBytes = Infinity;

  /** @returns the limit that would be exceeded, in bytes; `undefined` when the records fit. */
  exceeded(
    kind: 'data' | 'control',
    use: { readonly usedBytes: number; readonly incomingBytes: number; readonly maxBytes: number },
  ): number | undefined {
    const { usedBytes, incomingBytes, maxBytes } = use;
    const neededBytes = usedBytes + incomingBytes + OVERHEAD_BYTES;
    const reserveBytes = Math.ceil(maxBytes * RESERVE_SHARE);
    this.#leastBytes = Math.min(this.#leastBytes, usedBytes);
    if (kind === 'control') {
      const leastBytes = this.#leastBytes + OVERHEAD_BYTES;
      const forControl = leastBytes > maxBytes ? leastBytes + reserveBytes : maxBytes;
      return neededBytes > forControl ? forControl : undefined;
    }
    const forData = maxBytes - reserveBytes;
    if (neededBytes <= forData - this.#mustStayFree(incomingBytes, maxBytes)) {
      this.#missedBytes = 0;
      return undefined;
    }
    this.#missedBytes = Math.max(this.#missedBytes, incomingBytes, 1);
    return forData;
  }

  #mustStayFree(incomingBytes: number, maxBytes: number): number {
    if (this.#missedBytes === 0) return 0;
    const missedBytes = Math.min(this.#missedBytes, maxBytes * MISSED_SHARE);
    return Math.max(0, missedBytes - incomingBytes) + maxBytes * HEADROOM_SHARE;
  }
}
