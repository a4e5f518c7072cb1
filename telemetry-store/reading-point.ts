import type { FieldValue, Reading } from '#contract/reading.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import type { Point, PointField, Tag } from './telemetry-store.ts';

/** The version part of a reading's schema name; every point of the pipeline has it. `schema-registry.ts` reserves the names. */
export const SCHEMA_VERSION_FIELD = 'schemaVersion';
export const SEQ_FIELD = 'seq';
/** The type of a reading whose measurement is called otherwise. */
const SCHEMA_TYPE_FIELD = 'schemaType';

/** What a point is called, beyond what its reading says. */
export interface PointNames {
  readonly tags?: readonly Tag[] | undefined;
  /** Default: the type of the reading. */
  readonly measurement?: string | undefined;
}

/** The point a reading is stored as. Pure; `reading` must have been accepted by `schema`. */
export function pointOfReading(
  deviceId: string,
  reading: Reading,
  schema: ReadingSchema,
  names: PointNames = {},
): Point {
  return new ReadingPoint(deviceId, reading, schema, names);
}

/**
 * Holds the reading, and makes fields of it only for whoever looks: thousands of points wait for the store at a time, and
 * what is kept so long is copied by the garbage collector. As objects the fields take three times what the reading does.
 */
class ReadingPoint implements Point {
  readonly deviceId: string;
  readonly tags: readonly Tag[] | undefined;
  readonly #reading: Reading;
  readonly #schema: ReadingSchema;
  readonly measurement: string;

  constructor(
    deviceId: string,
    reading: Reading,
    schema: ReadingSchema,
    { tags, measurement = schema.type }: PointNames,
  ) {
    this.deviceId = deviceId;
    this.tags = tags;
    this.measurement = measurement;
    this.#reading = reading;
    this.#schema = schema;
  }

  get timestamp(): number {
    return this.#reading.ts;
  }

  get fields(): readonly PointField[] {
    const { seq, values } = this.#reading;
    const fields: PointField[] = [
      { name: SCHEMA_VERSION_FIELD, kind: 'integer', value: this.#schema.version },
    ];
    if (this.measurement !== this.#schema.type)
      fields.push({ name: SCHEMA_TYPE_FIELD, kind: 'string', value: this.#schema.type });
    if (seq !== undefined) fields.push({ name: SEQ_FIELD, kind: 'integer', value: seq });
    for (const name of Object.keys(values)) {
      const kind = this.#schema.fields.get(name)?.kind;
      const value = values[name];
      if (kind !== undefined && value !== undefined) fields.push({ name, kind, value });
    }
    return fields;
  }
}

/**
 * The reading a stored point came from; its values sorted by name, so that both stores give the same bytes.
 * `undefined` when the point has no schema version (another program wrote it).
 */
export function readingOfFields(
  measurement: string,
  ts: number,
  fields: readonly (readonly [name: string, value: FieldValue])[],
): Reading | undefined {
  let version: FieldValue | undefined;
  let seq: FieldValue | undefined;
  let type: FieldValue = measurement;
  const values: Record<string, FieldValue> = {};
  for (const [name, value] of fields.toSorted(byName)) {
    if (name === SCHEMA_VERSION_FIELD) version = value;
    else if (name === SEQ_FIELD) seq = value;
    else if (name === SCHEMA_TYPE_FIELD) type = value;
    else values[name] = value;
  }
  if (typeof version !== 'number') return undefined;
  const schema = `${type}/${version}`;
  return typeof seq === 'number' ? { schema, ts, seq, values } : { schema, ts, values };
}

function byName(a: readonly [string, FieldValue], b: readonly [string, FieldValue]): number {
  return a[0] < b[0] ? -1 : 1;
}
