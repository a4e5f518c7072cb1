import type { ReadingForm, ScannedReadings } from '#contract/scanned-readings.ts';
import { SCHEMA_VERSION_FIELD, SEQ_FIELD } from './reading-point.ts';
import type { Point, PointField, Tag } from './telemetry-store.ts';

/**
 * The point of a reading in the plain form, as the scanner found it. A store that has a way of its own for such points takes
 * the numbers from the columns, or as they stand in the bytes, without a text or an object for each; for everybody else it is a
 * point like any other.
 */
export class PlainPoint implements Point {
  readonly deviceId: string;
  readonly tags: readonly Tag[] | undefined;
  /** What the reading stands in. */
  readonly bytes: Uint8Array;
  /** What was found in it and in others. */
  readonly found: ScannedReadings;
  readonly #at: number;

  /** @param at its place among what was found */
  constructor(
    deviceId: string,
    bytes: Uint8Array,
    found: ScannedReadings,
    at: number,
    tags: readonly Tag[] | undefined,
  ) {
    this.deviceId = deviceId;
    this.bytes = bytes;
    this.found = found;
    this.#at = at;
    this.tags = tags;
  }

  get form(): ReadingForm {
    return this.found.forms[this.#at] as ReadingForm;
  }

  /** The place of its `ts` in the columns; behind it `seq`, if the form has one, and the values. */
  get first(): number {
    return this.found.firsts[this.#at] as number;
  }

  get measurement(): string {
    return this.form.schema.type;
  }

  get timestamp(): number {
    return this.found.numbers[this.first] as number;
  }

  get fields(): readonly PointField[] {
    const { form, first } = this;
    const { numbers } = this.found;
    const { schema, hasSeq, fields } = form;
    const all: PointField[] = [{ name: SCHEMA_VERSION_FIELD, kind: 'integer', value: schema.version }];
    let at = first + 1;
    if (hasSeq) all.push({ name: SEQ_FIELD, kind: 'integer', value: numbers[at++] as number });
    for (const { name, kind } of fields) {
      const value = numbers[at++] as number;
      all.push({ name, kind, value: kind === 'boolean' ? value === 1 : value });
    }
    return all;
  }
}
