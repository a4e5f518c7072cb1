import { LIMITS } from '#contract/limits.ts';

/** Cuts entries into runs of at most `LIMITS.pointsPerWrite` of them and `LIMITS.bytesPerWrite` bytes; a larger one comes alone. */
export function chunksOf<Entry extends { readonly bytes: number }>(entries: readonly Entry[]): Entry[][] {
  const chunks: Entry[][] = [];
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    const more = (entries[at] as Entry).bytes;
    const full = at - start >= LIMITS.pointsPerWrite || bytes + more > LIMITS.bytesPerWrite;
    if (at > start && full) {
      chunks.push(entries.slice(start, at));
      start = at;
      bytes = 0;
    }
    bytes += more;
  }
  if (start < entries.length) chunks.push(entries.slice(start));
  return chunks;
}
