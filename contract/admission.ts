import { isUtf8 } from 'node:buffer';
import { jsonArrayElements } from '#contract/json-elements.ts';
import { type Fault, judgeReading, repeatedFault, violation } from '#contract/judge-reading.ts';
import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import { type SchemaCount, scanMessage } from '#contract/plain-readings.ts';
import type { Reading } from '#contract/reading.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { ScannedReadings } from '#contract/scanned-readings.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';

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

/**
 * Judges a payload: the one place where bytes of a device become readings or rejects, for fresh messages and for
 * replayed dead letters. Pure.
 *
 * @param receivedAt when the message was received, milliseconds since the epoch: the clock that `ts` is judged by.
 *   `undefined` leaves the clock out (records in the log were judged when they came).
 * @param found gets what is in the readings, if all are good and in the plain form (`ReadingScanner`)
 */
export function admit(
  payload: Uint8Array,
  receivedAt: number | undefined,
  schemas: SchemaRegistry,
  limits: MessageLimits = LIMITS,
  found?: ScannedReadings,
): Admission {
  if (payload.length <= limits.payloadBytes) {
    const before = found?.length ?? 0;
    const counts = scanMessage(payload, receivedAt, schemas, limits.readingsPerMessage, found);
    if (counts !== undefined) return { accepted: new PlainReadings(payload, counts), rejects: NO_REJECTS };
    found?.truncate(before);
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
