import { LIMITS } from '#contract/limits.ts';

/** Cuts entries into runs of at most `LIMITS.pointsPerWrite` of them and `LIMITS.bytesPerWrite` bytes; a larger one comes alone. */
export function chunksOf<Entry extends { readonly bytes: number }>(entries: readonly Entry[]): Entry[][] {
  const chunks: Entry[][] = [];
  let start = 0;
  let bytes = 0;
  for (const [at, entry] of entries.entries()) {
    const full = at - start >= LIMITS.pointsPerWrite || bytes + entry.bytes > LIMITS.bytesPerWrite;
    if (at > start && full) {
      chunks.push(entries.slice(start, at));
      start = at;
      bytes = 0;
    }
    bytes += entry.bytes;
  }
  if (start < entries.length) chunks.push(entries.slice(start));
  return chunks;
}
