import { escape as escaping } from '@influxdata/influxdb-client';
import type { FieldValue } from '#contract/reading.ts';
import { MOST_BYTES_OF_A_CODE_UNIT, writeUtf8 } from '#runtime/write-utf8.ts';
import { PlainPoint } from '#telemetry-store/plain-point.ts';
import { SCHEMA_VERSION_FIELD, SEQ_FIELD } from '#telemetry-store/reading-point.ts';
import type { Point, PointField, Tag } from '#telemetry-store/telemetry-store.ts';

/**
 * Points as InfluxDB's line protocol, one line each, timestamps in milliseconds; UTF-8. Own assembly around the client's
 * escaping: its `Point` takes seven times the CPU time. Names repeat within a batch, so each is escaped once.
 *
 * Values are written as they are: what InfluxDB cannot hold (NaN, an integer with a fraction) is for it to refuse.
 */
export function linesOfPoints(points: readonly Point[]): Uint8Array<ArrayBuffer> {
  const tags = new Map<string, string>();
  const keys = new Map<string, string>();
  const text = new Utf8Writer(points.length * EXPECTED_LINE_BYTES);
  let lastMeasurement: string | undefined;
  let lastDevice: string | undefined;
  let lastTags: Point['tags'];
  let series = '';
  for (let at = 0; at < points.length; at++) {
    const point = points[at] as Point;
    const { measurement, deviceId, tags: ownTags } = point;
    if (measurement !== lastMeasurement || deviceId !== lastDevice || ownTags !== lastTags) {
      lastMeasurement = measurement;
      lastDevice = deviceId;
      lastTags = ownTags;
      const tag = tags.get(deviceId) ?? remember(tags, deviceId, `,device=${escaping.tag(deviceId)}`);
      series = `${measurementOf(measurement)}${tag}${ownTags === undefined ? '' : tagsText(ownTags)} `;
    }
    if (at > 0) text.write('\n');
    text.write(series);
    if (point instanceof PlainPoint) writePlain(text, point, keys);
    else writeFields(text, point, keys);
  }
  return text.bytes();
}

function writeFields(text: Utf8Writer, { fields, timestamp }: Point, keys: Map<string, string>): void {
  for (let i = 0; i < fields.length; i++) {
    const { name, kind, value } = fields[i] as PointField;
    if (i > 0) text.write(',');
    text.write(keyText(keys, name));
    text.write(valueText(kind, value));
    if (kind === 'integer') text.write('i');
  }
  text.write(' ');
  text.write(String(timestamp));
}

/** Numbers are copied as the device wrote them: what JSON calls one in plain form, line protocol does, too. */
function writePlain(text: Utf8Writer, point: PlainPoint, keys: Map<string, string>): void {
  const { bytes, form, first, found } = point;
  const { starts, ends } = found;
  const { schema, hasSeq, fields } = form;
  const copy = (at: number): void => text.copy(bytes, starts[at] as number, ends[at] as number);
  text.write(keyText(keys, SCHEMA_VERSION_FIELD));
  text.write(`${schema.version}i`);
  let at = first + 1;
  if (hasSeq) {
    text.write(',');
    text.write(keyText(keys, SEQ_FIELD));
    copy(at++);
    text.write('i');
  }
  for (let i = 0; i < fields.length; i++) {
    const { name, kind } = fields[i] as (typeof fields)[number];
    text.write(',');
    text.write(keyText(keys, name));
    copy(at++);
    if (kind === 'integer') text.write('i');
  }
  text.write(' ');
  copy(first);
}

function keyText(keys: Map<string, string>, name: string): string {
  return keys.get(name) ?? remember(keys, name, `${escaping.tag(name)}=`);
}

function tagsText(tags: readonly Tag[]): string {
  return tags.map(([name, value]) => `,${escaping.tag(name)}=${escaping.tag(value)}`).join('');
}

const EXPECTED_LINE_BYTES = 160;

function remember(texts: Map<string, string>, name: string, text: string): string {
  texts.set(name, text);
  return text;
}

function measurementOf(name: string): string {
  return SAFE_NAME.test(name) ? name : escaping.measurement(name);
}

const SAFE_NAME = /^[a-zA-Z0-9_-]+$/;

function valueText(kind: PointField['kind'], value: FieldValue): string {
  return kind === 'string' ? escaping.quoted(String(value)) : String(value);
}

/**
 * Text as bytes, piece by piece. Adding strings up instead makes a tree of strings for each line, and flattening
 * thousands of those takes as long as making them.
 */
class Utf8Writer {
  #buffer: Buffer<ArrayBuffer>;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(expectedBytes);
  }

  write(text: string): void {
    const most = text.length * MOST_BYTES_OF_A_CODE_UNIT;
    if (this.#length + most > this.#buffer.length) this.#grow(most);
    this.#length = writeUtf8(this.#buffer, this.#length, text);
  }

  copy(bytes: Uint8Array, start: number, end: number): void {
    if (this.#length + end - start > this.#buffer.length) this.#grow(end - start);
    // So few that calling for `set` takes longer.
    for (let from = start; from < end; from++) this.#buffer[this.#length++] = bytes[from] as number;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.#buffer.length + bytes);
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
