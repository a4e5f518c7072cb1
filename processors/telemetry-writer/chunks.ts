import { LIMITS, type Limits } from '#contract/limits.ts';

/** Of one write to the store. */
export type WriteLimits = Pick<Limits, 'pointsPerWrite' | 'bytesPerWrite'>;

/** Cuts entries into runs of at most so many of them and so many bytes; a larger one comes alone. */
export function chunksOf<Entry extends { readonly bytes: number }>(
  entries: readonly Entry[],
  { pointsPerWrite, bytesPerWrite }: WriteLimits = LIMITS,
): Entry[][] {
  const chunks: Entry[][] = [];
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    const more = (entries[at] as Entry).bytes;
    const full = at - start >= pointsPerWrite || bytes + more > bytesPerWrite;
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
