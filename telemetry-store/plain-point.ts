import type { ReadingPlace } from '#contract/plain-readings.ts';
import { ReadingScanner } from '#contract/reading-scanner.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { SCHEMA_VERSION_FIELD, SEQ_FIELD } from './reading-point.ts';
import type { Point, PointField, Tag } from './telemetry-store.ts';

/** One for all points: nobody keeps what it found. */
const scanner = new ReadingScanner(new Map());

/**
 * The point of a reading in the plain form, which is still what it was: bytes. A store that has a way of its own for them
 * takes the values from there (`scan`), without a text or an object for each; for everybody else it is a point like any other.
 */
export class PlainPoint implements Point {
  readonly deviceId: string;
  readonly timestamp: number;
  readonly tags: readonly Tag[] | undefined;
  readonly schema: ReadingSchema;
  /** What the reading stands in. */
  readonly bytes: Uint8Array;
  readonly #start: number;

  /** @param place as found by `admit` in `bytes` */
  constructor(deviceId: string, bytes: Uint8Array, place: ReadingPlace, tags: readonly Tag[] | undefined) {
    this.deviceId = deviceId;
    this.timestamp = place.ts;
    this.tags = tags;
    this.schema = place.schema;
    this.bytes = bytes;
    this.#start = place.start;
  }

  get measurement(): string {
    return this.schema.type;
  }

  get fields(): readonly PointField[] {
    const { seq, count, fields, values } = this.scan();
    const all: PointField[] = [{ name: SCHEMA_VERSION_FIELD, kind: 'integer', value: this.schema.version }];
    if (seq >= 0) all.push({ name: SEQ_FIELD, kind: 'integer', value: seq });
    for (let i = 0; i < count; i++) {
      const { name, kind } = fields[i] as (typeof fields)[number];
      const value = values[i] as number;
      all.push({ name, kind, value: kind === 'boolean' ? value === 1 : value });
    }
    return all;
  }

  /** What is in it; good until any other point is scanned. */
  scan(): ReadingScanner {
    if (scanner.scan(this.bytes, this.#start, this.schema) < 0)
      throw new Error('the bytes of a reading changed while it waited for the store');
    return scanner;
  }
}
