/** A chunk from this size on: there is more to do than comes. Bytes. */
export const LARGE_CHUNK_BYTES = 256 * 1024;
/** From the beginning of one small chunk to that of the next. Milliseconds. */
const APART_MS = 100;

/**
 * How long a consumer rests before it reads on. Pure.
 *
 * Each chunk costs a read, a write to the store and a commit, the last two with an `fsync`. When readings trickle in, that is
 * what a reading costs, unless they are gathered for a time that nobody notices behind a store. The first one after a
 * quiet time is not made to wait, and nothing is while there is much to do.
 *
 * @param bytes of the chunk that was handled
 * @param tookMs since it was read
 */
export function restMs(bytes: number, tookMs: number): number {
  return bytes >= LARGE_CHUNK_BYTES ? 0 : Math.max(0, APART_MS - tookMs);
}
