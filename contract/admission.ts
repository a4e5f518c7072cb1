import { isUtf8 } from 'node:buffer';
import { duplicateKey, mayHaveDuplicateKeys } from '#contract/duplicate-keys.ts';
import { jsonArrayElements } from '#contract/json-elements.ts';
import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import { type ReadingPlace, type SchemaCount, scanMessage } from '#contract/plain-readings.ts';
import type { Reading } from '#contract/reading.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';

/** What is to become of one message: part of it into the log, part of it into the dead letters. */
export interface Admission {
  readonly accepted: Accepted | undefined;
  readonly rejects: readonly Reject[];
}

/** The good readings of a message. */
export interface Accepted {
  readonly count: number;
  readonly bySchema: readonly SchemaCount[];
  /** JSON: one reading, or an array of them. */
  readonly value: Uint8Array;
  /** As objects; they may be made for whoever asks, and each time anew. */
  readonly readings: readonly Reading[];
}

/** One refused reading, or a message refused as a whole (then `index` is missing). */
export interface Reject extends Fault {
  /** Position in a batch message. */
  readonly index?: number;
  /** The exact bytes of what was refused, as a view on the payload. */
  readonly bytes: Uint8Array;
}

/** What is wrong with a reading. */
export interface Fault {
  readonly reason: RejectReason;
  /** JSON-compatible and small: what is wrong, never the value itself. */
  readonly detail: unknown;
}

/**
 * Judges a payload: the one place where bytes of a device become readings or rejects, for fresh messages and for
 * replayed dead letters. Pure.
 *
 * @param receivedAt when the message was received, milliseconds since the epoch: the clock that `ts` is judged by.
 *   `undefined` leaves the clock out (records in the log were judged when they came).
 * @param places gets where each reading stands, if all are good and in the plain form (`ReadingScanner`)
 */
export function admit(
  payload: Uint8Array,
  receivedAt: number | undefined,
  schemas: SchemaRegistry,
  limits: MessageLimits = LIMITS,
  places?: ReadingPlace[],
): Admission {
  if (payload.length <= limits.payloadBytes) {
    const counts = scanMessage(payload, receivedAt, schemas, limits.readingsPerMessage, places);
    if (counts !== undefined) return { accepted: new PlainReadings(payload, counts), rejects: NO_REJECTS };
    if (places !== undefined) places.length = 0;
  }
  return admitThoroughly(payload, receivedAt, schemas, limits);
}

const NO_REJECTS: readonly Reject[] = [];

/** Good readings that nobody has made objects of yet. */
class PlainReadings implements Accepted {
  readonly value: Uint8Array;
  readonly bySchema: readonly SchemaCount[];

  constructor(value: Uint8Array, bySchema: readonly SchemaCount[]) {
    this.value = value;
    this.bySchema = bySchema;
  }

  get count(): number {
    return sumOf(this.bySchema);
  }

  get readings(): readonly Reading[] {
    const message = JSON.parse(textOf(this.value)) as Reading | Reading[];
    return Array.isArray(message) ? message : [message];
  }
}

function sumOf(counts: readonly SchemaCount[]): number {
  let sum = 0;
  for (const { count } of counts) sum += count;
  return sum;
}

function acceptedOf(readings: readonly Reading[], value: Uint8Array): Accepted {
  const counts = new Map<string, number>();
  for (const { schema } of readings) counts.set(schema, (counts.get(schema) ?? 0) + 1);
  const bySchema = Array.from(counts, ([schema, count]) => ({ schema, count }));
  return { count: readings.length, bySchema, value, readings };
}

/** `admit` for messages of every form, and for what is wrong. */
export function admitThoroughly(
  payload: Uint8Array,
  receivedAt: number | undefined,
  schemas: SchemaRegistry,
  limits: MessageLimits = LIMITS,
): Admission {
  const whole = (reason: RejectReason, detail: unknown): Admission => ({
    accepted: undefined,
    rejects: [{ reason, detail, bytes: payload }],
  });
  if (payload.length > limits.payloadBytes) {
    return whole('payload-too-large', { bytes: payload.length, limit: limits.payloadBytes });
  }
  if (!isUtf8(payload)) return whole('not-utf8', { message: 'the payload is not valid UTF-8' });
  const text = textOf(payload);
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    // V8's own message quotes the payload, which does not belong into headers and logs.
    return whole('malformed-json', { message: 'the payload is not JSON' });
  }
  if (!Array.isArray(message)) {
    const fault = judgeReading(message, receivedAt, schemas) ?? repeatedFault([message], text, receivedAt);
    if (fault !== undefined) return whole(fault.reason, fault.detail);
    return { accepted: acceptedOf([message as Reading], payload), rejects: [] };
  }
  if (message.length === 0) return whole('schema-violation', violation('', 'must hold at least one reading'));
  if (message.length > limits.readingsPerMessage) {
    return whole('too-many-readings', { readings: message.length, limit: limits.readingsPerMessage });
  }
  return admitBatch(payload, text, message, receivedAt, schemas);
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('utf8');
}

function admitBatch(
  payload: Uint8Array,
  text: string,
  elements: readonly unknown[],
  receivedAt: number | undefined,
  schemas: SchemaRegistry,
): Admission {
  const readings: Reading[] = [];
  const faults: { readonly index: number; readonly fault: Fault }[] = [];
  // Only then is each element looked at by itself.
  const repeats = repeatedFault(elements, text, receivedAt) !== undefined;
  const texts = repeats ? jsonArrayElements(payload) : [];
  for (const [index, element] of elements.entries()) {
    const fault =
      judgeReading(element, receivedAt, schemas) ??
      (repeats ? repeatedFault([element], textOf(texts[index] as Uint8Array), receivedAt) : undefined);
    if (fault === undefined) readings.push(element as Reading);
    else faults.push({ index, fault });
  }
  if (faults.length === 0) return { accepted: acceptedOf(readings, payload), rejects: [] };

  const bytes = jsonArrayElements(payload);
  const rejects = faults.map(({ index, fault }) => ({ ...fault, index, bytes: bytes[index] as Uint8Array }));
  if (readings.length === 0) return { accepted: undefined, rejects };
  const refused = new Set(faults.map(({ index }) => index));
  const value = joinArray(bytes.filter((_, index) => !refused.has(index)));
  return { accepted: acceptedOf(readings, value), rejects };
}

function joinArray(elements: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const element of elements) parts.push(Buffer.from(parts.length === 0 ? '[' : ','), element);
  return Buffer.concat([...parts, Buffer.from(']')]);
}

/** What is wrong with a reading, or `undefined`. `receivedAt` as for `admit`. */
export function judgeReading(
  element: unknown,
  receivedAt: number | undefined,
  schemas: SchemaRegistry,
): Fault | undefined {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    return schemaViolation('', 'must be an object');
  }
  const reading = element as Record<string, unknown>;
  let name: unknown;
  let ts: unknown;
  let seq: unknown;
  let values: unknown;
  // Own keys only: what is missing must not come from a prototype.
  for (const key of Object.keys(reading)) {
    switch (key) {
      case 'schema':
        name = reading.schema;
        break;
      case 'ts':
        ts = reading.ts;
        break;
      case 'seq':
        seq = reading.seq;
        break;
      case 'values':
        values = reading.values;
        break;
      default:
        return schemaViolation('', `unknown property ${JSON.stringify(key.slice(0, 64))}`);
    }
  }
  if (typeof name !== 'string') return schemaViolation('/schema', 'must be a string "<type>/<version>"');
  const schema = schemas.get(name);
  if (schema === undefined) return { reason: 'unknown-schema', detail: { schema: name.slice(0, 128) } };
  return (
    wholeNumberFault('/ts', ts, true) ??
    wholeNumberFault('/seq', seq, false) ??
    valuesFault(values, schema) ??
    (receivedAt === undefined ? undefined : clockFault(ts as number, receivedAt, schema))
  );
}

/**
 * What a reading says twice is refused: whoever reads the log or the letters next may take the other value. Records in
 * the log (without `receivedAt`) were judged when they came.
 */
function repeatedFault(
  elements: readonly unknown[],
  text: string,
  receivedAt: number | undefined,
): Fault | undefined {
  if (receivedAt === undefined) return undefined;
  let members = 0;
  for (const element of elements) {
    if (typeof element !== 'object' || element === null) continue;
    members += Object.keys(element).length;
    const { values } = element as { readonly values?: unknown };
    if (typeof values === 'object' && values !== null) members += Object.keys(values).length;
  }
  if (!mayHaveDuplicateKeys(text, members)) return undefined;
  const key = duplicateKey(text);
  return key === undefined
    ? undefined
    : schemaViolation('', `holds ${JSON.stringify(key.slice(0, 64))} more than once`);
}

function wholeNumberFault(path: string, value: unknown, required: boolean): Fault | undefined {
  if (value === undefined && !required) return undefined;
  if (typeof value === 'number' && Math.abs(value) > LIMITS.maxNumber) return numberOutOfRange(path);
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return undefined;
  return schemaViolation(path, 'must be a whole number from 0');
}

function valuesFault(values: unknown, schema: ReadingSchema): Fault | undefined {
  if (typeof values === 'object' && values !== null) {
    for (const key of Object.keys(values)) {
      const value: unknown = (values as Record<string, unknown>)[key];
      // Also catches ±Infinity, which is what JSON.parse makes of 1e999.
      if (typeof value === 'number' && Math.abs(value) > LIMITS.maxNumber) {
        return numberOutOfRange(`/values/${key.slice(0, 64)}`);
      }
      if (typeof value === 'string' && !value.isWellFormed()) {
        return schemaViolation(`/values/${key.slice(0, 64)}`, 'must not hold lone surrogates');
      }
    }
  }
  return schema.accepts(values)
    ? undefined
    : { reason: 'schema-violation', detail: { errors: schema.problems(values) } };
}

function clockFault(ts: number, receivedAt: number, schema: ReadingSchema): Fault | undefined {
  const aheadMs = ts - receivedAt;
  if (aheadMs <= schema.maxSkewMs && -aheadMs <= schema.maxAgeMs) return undefined;
  return {
    reason: 'timestamp-out-of-range',
    detail: { ts, receivedAt, maxAgeMs: schema.maxAgeMs, maxSkewMs: schema.maxSkewMs },
  };
}

function numberOutOfRange(path: string): Fault {
  return {
    reason: 'number-out-of-range',
    detail: { errors: [{ path, message: 'must be within ±(2^53 − 1)' }] },
  };
}

function schemaViolation(path: string, message: string): Fault {
  return { reason: 'schema-violation', detail: violation(path, message) };
}

function violation(path: string, message: string): unknown {
  return { errors: [{ path, message }] };
}
