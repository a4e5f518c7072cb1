import type { RecordPosition } from '#contract/log-record.ts';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';

const CHUNK_LETTERS = 1_024;
/** Beside the reasons' numbers, which begin at 1. */
const UNSEEN = 0;
/** Beside a letter's reason, which it has again when it waits again. */
const SETTLED = 128;

interface Chunk {
  /** By offset: UNSEEN or the number of its reason, with SETTLED when the letter is not pending. */
  readonly reasons: Uint8Array;
  /** By offset: when the letter was written, seconds since the epoch; 0 = not known. */
  readonly writtenAt: Uint32Array;
  pending: number;
}

interface Partition {
  readonly chunks: Map<number, Chunk>;
  /** Every letter before this offset was seen. */
  seenUntil: number;
}

/**
 * Which letters are pending, in 5 bytes for each letter that the log keeps: offsets are dense, so their place in an array
 * says which one it is. A partition is cut into chunks of 1,024 offsets; a chunk exists from its first letter on (or from the
 * first outcome, since an outcome may be seen before its letter) until the log has removed all its letters: one that was
 * settled may wait again. Everything may be told twice: letters and outcomes come again after a failed look.
 */
export class PendingLedger {
  readonly #partitions = new Map<number, Partition>();
  readonly #pending = new Map<RejectReason, number>(REJECT_REASONS.map((reason) => [reason, 0]));

  /** Letters that wait for somebody, by reason; every reason is there. */
  get pending(): ReadonlyMap<RejectReason, number> {
    return this.#pending;
  }

  letterSeen({ partition, offset }: RecordPosition, reason: RejectReason, time: number): void {
    const ofPartition = this.#partition(partition);
    const [index, at] = place(offset);
    if (offset < ofPartition.seenUntil) return;
    ofPartition.seenUntil = offset + 1;
    const chunk = chunkOf(ofPartition, index);
    const settled = isOf(chunk, at, time) ? (chunk.reasons[at] as number) & SETTLED : 0;
    chunk.reasons[at] = (REJECT_REASONS.indexOf(reason) + 1) | settled;
    chunk.writtenAt[at] = Math.floor(time / 1000);
    if (settled === 0) this.#count(chunk, reason, 1);
  }

  /** The letter, which was written at `time` if that is known, was replayed, parked or dismissed. */
  letterSettled({ partition, offset }: RecordPosition, time?: number): void {
    const ofPartition = this.#partition(partition);
    const [index, at] = place(offset);
    if (offset < ofPartition.seenUntil && !ofPartition.chunks.has(index)) return;
    const chunk = chunkOf(ofPartition, index);
    if (time !== undefined) {
      if (!isOf(chunk, at, time) && offset < ofPartition.seenUntil) return;
      chunk.writtenAt[at] = Math.floor(time / 1000);
    }
    const reason = pendingReason(chunk, at);
    chunk.reasons[at] = (chunk.reasons[at] as number) | SETTLED;
    if (reason !== undefined) this.#count(chunk, reason, -1);
  }

  /** The letter, which the log still keeps, waits again. */
  letterReopened({ partition, offset }: RecordPosition): void {
    const [index, at] = place(offset);
    const chunk = this.#partitions.get(partition)?.chunks.get(index);
    if (chunk === undefined || ((chunk.reasons[at] as number) & SETTLED) === 0) return;
    chunk.reasons[at] = (chunk.reasons[at] as number) & ~SETTLED;
    const reason = pendingReason(chunk, at);
    if (reason !== undefined) this.#count(chunk, reason, 1);
  }

  isPending({ partition, offset }: RecordPosition): boolean {
    const [index, at] = place(offset);
    const chunk = this.#partitions.get(partition)?.chunks.get(index);
    return chunk !== undefined && pendingReason(chunk, at) !== undefined;
  }

  /**
   * The log removed the letters before `oldestOffset`.
   *
   * @returns how many of them were pending and written before `writtenBefore`, by reason
   */
  removeBefore(
    partition: number,
    oldestOffset: number,
    writtenBefore = Infinity,
  ): ReadonlyMap<RejectReason, number> {
    const removed = new Map<RejectReason, number>();
    const ofPartition = this.#partition(partition);
    const [last, end] = place(oldestOffset);
    for (const [index, chunk] of ofPartition.chunks) {
      if (index > last) continue;
      for (let at = 0; at < (index < last ? CHUNK_LETTERS : end); at++) {
        const reason = pendingReason(chunk, at);
        chunk.reasons[at] = SETTLED;
        if (reason === undefined) continue;
        this.#count(chunk, reason, -1);
        if ((chunk.writtenAt[at] as number) * 1000 >= writtenBefore) continue;
        removed.set(reason, (removed.get(reason) ?? 0) + 1);
      }
      if (index < last) ofPartition.chunks.delete(index);
    }
    ofPartition.seenUntil = Math.max(ofPartition.seenUntil, oldestOffset);
    return removed;
  }

  /** When the oldest pending letter was written, milliseconds since the epoch, to the second. */
  oldestPending(): number | undefined {
    let oldest: number | undefined;
    for (const { chunks } of this.#partitions.values()) {
      const indexes = [...chunks].filter(([, chunk]) => chunk.pending > 0).map(([index]) => index);
      const chunk = chunks.get(indexes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
      const at = chunk?.reasons.findIndex(isWaiting);
      if (chunk === undefined || at === undefined) continue;
      const writtenAt = (chunk.writtenAt[at] as number) * 1000;
      oldest = Math.min(oldest ?? writtenAt, writtenAt);
    }
    return oldest;
  }

  #partition(partition: number): Partition {
    const known = this.#partitions.get(partition) ?? { chunks: new Map<number, Chunk>(), seenUntil: 0 };
    this.#partitions.set(partition, known);
    return known;
  }

  #count(chunk: Chunk, reason: RejectReason, change: number): void {
    chunk.pending += change;
    this.#pending.set(reason, (this.#pending.get(reason) ?? 0) + change);
  }
}

function place(offset: number): readonly [index: number, at: number] {
  return [Math.floor(offset / CHUNK_LETTERS), offset % CHUNK_LETTERS];
}

function chunkOf({ chunks }: Partition, index: number): Chunk {
  const known = chunks.get(index);
  if (known !== undefined) return known;
  const chunk = {
    reasons: new Uint8Array(CHUNK_LETTERS),
    writtenAt: new Uint32Array(CHUNK_LETTERS),
    pending: 0,
  };
  chunks.set(index, chunk);
  return chunk;
}

/** Whether what is known of this place is known of a letter of that time: the topic may have been made anew. */
function isOf({ writtenAt }: Chunk, at: number, time: number): boolean {
  return writtenAt[at] === 0 || writtenAt[at] === Math.floor(time / 1000);
}

function isWaiting(reason: number): boolean {
  return reason !== UNSEEN && reason < SETTLED;
}

/** `undefined` = it is not pending. */
function pendingReason({ reasons }: Chunk, at: number): RejectReason | undefined {
  const reason = reasons[at] as number;
  return isWaiting(reason) ? REJECT_REASONS[reason - 1] : undefined;
}
