import type { Reject } from '#contract/admission.ts';
import type { DeadLetter } from '#contract/dead-letter.ts';
import { jsonArrayElements } from '#contract/json-elements.ts';
import { LIMITS } from '#contract/limits.ts';
import type { LogRecord } from '#contract/log-record.ts';
import { ScannedReadings } from '#contract/scanned-readings.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { decodeTelemetryRecord, headerNumber } from '#contract/telemetry-record.ts';
import { TimeSlice } from '#runtime/time-slice.ts';
import { PlainPoint } from '#telemetry-store/plain-point.ts';
import { pointOfReading } from '#telemetry-store/reading-point.ts';
import type { Point, Tag } from '#telemetry-store/telemetry-store.ts';

type OurRecord = Exclude<ReturnType<typeof decodeTelemetryRecord>, { readonly undecodable: string }>;

/** A record that holds readings, with what is needed to say later where a refused one came from. */
interface Source {
  readonly record: LogRecord;
  readonly decoded: Omit<OurRecord, 'admission'>;
  /** The bytes of the accepted readings. */
  readonly value: Uint8Array;
  readonly rejects: readonly Reject[];
}

/** One reading on its way into the store. */
export interface Entry {
  readonly point: Point;
  readonly schema: string;
  readonly source: Source;
  /** Position among the accepted readings of its record. */
  readonly position: number;
  /**
   * About what it takes on its way to the store: its share of the record, plus what a point says besides. JSON with
   * its quotes and names is longer than line protocol, so this is never much too small.
   */
  readonly bytes: number;
}

/** What a batch of records says: readings for the store, and letters for all that is none. */
export interface TelemetryBatch {
  readonly entries: readonly Entry[];
  readonly letters: readonly DeadLetter[];
}

/** The tags that the labels of a record become, by the header. */
export type TagsOf = (labels: string | undefined) => readonly Tag[] | undefined;
const noTags: TagsOf = () => undefined;

/** Timestamp, separators, `device=`, `schemaVersion=`. */
const POINT_OVERHEAD_BYTES = 64;
/** With its comma, and few values: `{"schema":"…","ts":…,"values":{…}}`. */
const EXPECTED_READING_BYTES = 100;
const NO_BYTES = new Uint8Array(0);

/**
 * Decodes a batch, with a rest after each few milliseconds of work.
 *
 * @param now when records that cannot be used failed, milliseconds since the epoch.
 * @param tagsOf default: points have no tags.
 * @throws the reason of `signal` when it fires.
 */
export async function decodeBatch(
  records: readonly LogRecord[],
  schemas: SchemaRegistry,
  now: number,
  signal: AbortSignal,
  tagsOf: TagsOf = noTags,
): Promise<TelemetryBatch> {
  const entries: Entry[] = [];
  const letters: DeadLetter[] = [];
  const slice = new TimeSlice();
  const found = new ScannedReadings(expectedReadings(records));
  for (const record of records) {
    decodeRecord(record, schemas, now, tagsOf, found, entries, letters);
    if (slice.isOver()) await slice.rest(signal);
  }
  return { entries, letters };
}

/** By what they take: room for too many is cheaper than room that grows. */
function expectedReadings(records: readonly LogRecord[]): number {
  const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  return Math.max(records.length, Math.ceil(bytes / EXPECTED_READING_BYTES));
}

function decodeRecord(
  record: LogRecord,
  schemas: SchemaRegistry,
  now: number,
  tagsOf: TagsOf,
  found: ScannedReadings,
  entries: Entry[],
  letters: DeadLetter[],
): void {
  const firstFound = found.length;
  const decoded = decodeTelemetryRecord(record, schemas, found);
  if ('undecodable' in decoded) {
    letters.push(undecodableLetter(record, decoded.undecodable, now));
    return;
  }
  const { accepted, rejects } = decoded.admission;
  const source = { record, decoded, value: accepted?.value ?? NO_BYTES, rejects };
  for (const reject of rejects) letters.push(letterOf(source, reject, now));
  if (accepted === undefined) return;
  const { count, value } = accepted;
  const { deviceId, labels, measurement } = decoded;
  const tags = tagsOf(labels);
  // Whole, because a fraction would be an object of its own for each reading.
  const bytes = Math.ceil(value.length / count) + deviceId.length + POINT_OVERHEAD_BYTES;
  // A point is called like its type, or it is none of the plain ones.
  if (found.length > firstFound && measurement === undefined) {
    for (let at = firstFound; at < found.length; at++) {
      const point = new PlainPoint(deviceId, value, found, at, tags);
      const schema = point.form.schema.name;
      entries.push({ point, schema, source, position: at - firstFound, bytes });
    }
    return;
  }
  for (const [position, reading] of accepted.readings.entries()) {
    const schema = schemas.get(reading.schema);
    // Admission found it in the same registry.
    if (schema === undefined) throw new Error(`schema ${reading.schema} disappeared`);
    const point = pointOfReading(deviceId, reading, schema, { tags, measurement });
    entries.push({ point, schema: schema.name, source, position, bytes });
  }
}

/** An entry that the store refused for good, and its words. */
export interface RefusedEntry<Of = Entry> {
  readonly entry: Of;
  readonly reason: string;
}

/**
 * The letters of readings that the store refused: the exact bytes their devices wrote, and the store's own words. With a
 * rest after each few milliseconds of work.
 *
 * @param refused in the order of their batch: a record is taken apart once for all of its readings that follow each other.
 * @param now when they were refused, milliseconds since the epoch.
 * @throws the reason of `signal` when it fires.
 */
export async function refusedLetters(
  refused: readonly RefusedEntry[],
  now: number,
  signal: AbortSignal,
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  const slice = new TimeSlice();
  let source: Source | undefined;
  let places: readonly Place[] = [];
  for (const { entry, reason } of refused) {
    if (entry.source !== source) {
      source = entry.source;
      places = placesOf(source);
    }
    const place = places[entry.position] ?? { bytes: source.value };
    letters.push(letterOf(source, { reason: 'store-rejected', detail: { message: reason }, ...place }, now));
    if (slice.isOver()) await slice.rest(signal);
  }
  return letters;
}

/** What of its record a reading is, and its position there, before those that were refused were taken out. */
type Place = Pick<Reject, 'bytes' | 'index'>;

/** The places of the accepted readings of a record, in their order. */
function placesOf({ value, rejects }: Source): Place[] {
  if (!isArray(value)) return [{ bytes: value }];
  const refused = new Set(rejects.map(({ index }) => index));
  let index = 0;
  return jsonArrayElements(value).map((bytes) => {
    while (refused.has(index)) index++;
    return { bytes, index: index++ };
  });
}

/** Whether valid JSON is an array. */
function isArray(json: Uint8Array): boolean {
  const first = json.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  return first === 0x5b;
}

function letterOf({ record, decoded }: Source, reject: Reject, now: number): DeadLetter {
  return {
    deviceId: decoded.deviceId,
    payload: reject.bytes,
    reason: reject.reason,
    detail: reject.detail,
    stage: 'telemetry-writer',
    attempt: decoded.replay?.attempt ?? 0,
    firstFailedAt: decoded.replay?.firstFailedAt ?? now,
    receivedAt: decoded.receivedAt,
    labels: decoded.labels,
    measurement: decoded.measurement,
    origin: originOf(record),
    ...(reject.index !== undefined && { index: reject.index }),
  };
}

/** Kafka refuses a letter that is larger than a record may be, and nothing of ours is larger than a packet. */
const FOREIGN_VALUE_BYTES = LIMITS.packetBytes;
const FOREIGN_KEY_CHARACTERS = 1_024;

/**
 * The letter of a record that somebody else wrote. Its bytes are kept up to the size of the largest thing a gateway
 * lets in: a letter that the log refused as too large would hold up its partition for ever.
 */
function undecodableLetter(record: LogRecord, why: string, now: number): DeadLetter {
  const value = record.value ?? Buffer.alloc(0);
  const cut = value.length > FOREIGN_VALUE_BYTES;
  return {
    deviceId: (record.key?.toString('utf8') ?? '').slice(0, FOREIGN_KEY_CHARACTERS),
    payload: cut ? value.subarray(0, FOREIGN_VALUE_BYTES) : value,
    reason: 'undecodable-record',
    detail: { message: why, ...(cut && { bytes: value.length, keptBytes: FOREIGN_VALUE_BYTES }) },
    stage: 'telemetry-writer',
    attempt: 0,
    firstFailedAt: now,
    receivedAt: headerNumber(record.headers['received-at']) ?? record.timestamp,
    origin: originOf(record),
  };
}

function originOf(record: LogRecord): NonNullable<DeadLetter['origin']> {
  return { topic: record.topic, partition: record.partition, offset: record.offset };
}
