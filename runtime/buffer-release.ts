import { getHeapStatistics } from 'node:v8';

/** What is held outside of the heap may grow by so much before it is worth a collection. */
const WORTH_BYTES = 8 * 1024 * 1024;

/** V8's, where the process was started with `--expose-gc` (`runtime/memory-flags.mjs`). */
type CollectYoung = (options: { type: 'minor' }) => void;

/**
 * For a thread through which large buffers pass, and which makes few objects: V8 collects when the heap is full, and lets 64 MiB of
 * buffers that nobody needs any more pile up outside of it meanwhile. A collection of its few young objects takes a millisecond.
 *
 * @param collect default: V8's; without it nothing is done
 * @param heldBytes outside of the heap of this thread
 * @returns to be called whenever a buffer may have become free
 */
export function createBufferRelease(
  collect = (globalThis as { readonly gc?: CollectYoung }).gc,
  heldBytes: () => number = () => getHeapStatistics().external_memory,
): () => void {
  if (collect === undefined) return () => undefined;
  let leastBytes = heldBytes();
  return () => {
    const held = heldBytes();
    leastBytes = Math.min(leastBytes, held);
    if (held - leastBytes < WORTH_BYTES) return;
    collect({ type: 'minor' });
    // What is still in use, is now what there is.
    leastBytes = heldBytes();
  };
}
