import { LIMITS } from '#contract/limits.ts';
import type { Point } from '#telemetry-store/telemetry-store.ts';

/** Timestamp, separators, `device=`. */
const POINT_OVERHEAD_BYTES = 32;
/** The longest number or boolean is 24 characters; most are shorter. */
const SCALAR_BYTES = 20;

/** About how many bytes a point is on the wire (line protocol); never much less, so that a write keeps its bound. */
export function approximateBytes(point: Point): number {
  let bytes = POINT_OVERHEAD_BYTES + point.measurement.length + point.deviceId.length;
  for (const { name, value } of point.fields) {
    bytes += name.length + 2 + (typeof value === 'string' ? Buffer.byteLength(value) + 2 : SCALAR_BYTES);
  }
  return bytes;
}

/** Cuts entries into runs of at most `LIMITS.pointsPerWrite` points and about `LIMITS.bytesPerWrite` bytes; a larger point comes alone. */
export function chunksOf<Entry extends { readonly point: Point }>(entries: readonly Entry[]): Entry[][] {
  const chunks: Entry[][] = [];
  let chunk: Entry[] = [];
  let chunkBytes = 0;
  for (const entry of entries) {
    const bytes = approximateBytes(entry.point);
    const full = chunk.length >= LIMITS.pointsPerWrite || chunkBytes + bytes > LIMITS.bytesPerWrite;
    if (chunk.length > 0 && full) {
      chunks.push(chunk);
      chunk = [];
      chunkBytes = 0;
    }
    chunk.push(entry);
    chunkBytes += bytes;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}
