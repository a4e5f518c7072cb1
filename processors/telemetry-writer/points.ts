import { LIMITS } from '#contract/limits.ts';
import type { Reading } from '#contract/reading.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import type { Point, PointField } from '#telemetry-store/telemetry-store.ts';

/**
 * The point of one reading (DESIGN part 4): measurement = device type, every value in the kind its schema gives it,
 * plus the integers `seq` (when the device sent one) and `schemaVersion`.
 *
 * @param reading was admitted by `schema`: its values hold no other names than the schema's.
 */
export function pointOf(deviceId: string, reading: Reading, schema: ReadingSchema): Point {
  const fields: PointField[] = [];
  for (const { name, kind } of schema.fields.values()) {
    // Not `name in`: a field may be called `toString`.
    if (!Object.hasOwn(reading.values, name)) continue;
    fields.push({ name, kind, value: reading.values[name] as PointField['value'] });
  }
  if (reading.seq !== undefined) fields.push({ name: 'seq', kind: 'integer', value: reading.seq });
  fields.push({ name: 'schemaVersion', kind: 'integer', value: schema.version });
  return { measurement: schema.type, deviceId, timestamp: reading.ts, fields };
}

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
