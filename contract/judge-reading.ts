import { duplicateKey, mayHaveDuplicateKeys } from '#contract/duplicate-keys.ts';
import { LIMITS } from '#contract/limits.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';

/** What is wrong with a reading. */
export interface Fault {
  readonly reason: RejectReason;
  /** JSON-compatible and small: what is wrong, never the value itself. */
  readonly detail: unknown;
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
  return judgeMembers(schema, ts, seq, values, receivedAt);
}

/** The same for a reading that is in its parts already, of which nothing is there that does not belong to it. */
export function judgeMembers(
  schema: ReadingSchema,
  ts: unknown,
  seq: unknown,
  values: unknown,
  receivedAt: number | undefined,
): Fault | undefined {
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
export function repeatedFault(
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

export function violation(path: string, message: string): unknown {
  return { errors: [{ path, message }] };
}
