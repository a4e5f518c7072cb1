import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import type { Reading } from '#contract/reading.ts';
import type { StoreNames } from './compile-as.ts';
import type { MappedReading, MappedReject } from './map-message.ts';

/** Readings of one device, as one record of the log holds them: in our own format, like those that devices send. */
export interface MappedBatch {
  readonly deviceId: string;
  readonly readings: readonly Reading[];
  /** JSON bytes: one reading, or an array of readings. */
  readonly value: Uint8Array;
  readonly names?: StoreNames | undefined;
}

/** `[`, `]` and a comma. */
const BRACKETS = 2;

/** Gathers the readings of a message by device and names in the store, in their order, each batch within the bounds of a record. */
export function batchesOf(readings: readonly MappedReading[], limits: MessageLimits = LIMITS): MappedBatch[] {
  const [first] = readings;
  if (first !== undefined && readings.length === 1) return [batchOf(readings)];
  const open = new Map<string, { readings: MappedReading[]; bytes: number }>();
  const batches: MappedBatch[] = [];
  for (const reading of readings) {
    const { device, names } = reading;
    const key = names === undefined ? device : `${device} ${JSON.stringify(names)}`;
    const bytes = reading.bytes + 1;
    let batch = open.get(key);
    if (batch === undefined || !hasRoom(batch, bytes, limits)) {
      if (batch !== undefined) batches.push(batchOf(batch.readings));
      batch = { readings: [], bytes: BRACKETS };
      open.set(key, batch);
    }
    batch.readings.push(reading);
    batch.bytes += bytes;
  }
  for (const batch of open.values()) batches.push(batchOf(batch.readings));
  return batches;
}

function hasRoom(
  batch: { readonly readings: readonly unknown[]; readonly bytes: number },
  bytes: number,
  { readingsPerMessage, payloadBytes }: MessageLimits,
): boolean {
  return batch.readings.length < readingsPerMessage && batch.bytes + bytes <= payloadBytes;
}

function batchOf(readings: readonly MappedReading[]): MappedBatch {
  const { device: deviceId, names } = readings[0] as MappedReading;
  const json = readings.map((reading) => reading.json);
  const text = json.length === 1 ? (json[0] as string) : `[${json.join(',')}]`;
  return { deviceId, readings: readings.map(({ reading }) => reading), value: Buffer.from(text), names };
}

/** Elements told in the letter that stands for the rest. */
const NAMED_IN_REST = 10;

/**
 * The letters for the refused elements of a message. Each keeps the whole message, so their number is bounded by their
 * bytes; what is beyond shares a last one, which names no element: its replay hands in all of the message, and what
 * was stored already is written again (P3).
 */
export function boundedRejects(
  rejects: readonly MappedReject[],
  payloadBytes: number,
): readonly MappedReject[] {
  const allowed = Math.max(1, Math.floor(LIMITS.mappedBytes / Math.max(1, payloadBytes)));
  if (rejects.length <= allowed) return rejects;
  const rest = rejects.slice(allowed - 1);
  const [first] = rest;
  const detail = {
    message: `${rest.length} elements were refused`,
    elements: rest.slice(0, NAMED_IN_REST).map(({ path, reason }) => ({ path, reason })),
  };
  return [...rejects.slice(0, allowed - 1), { reason: first?.reason ?? 'mapping-failed', detail }];
}
