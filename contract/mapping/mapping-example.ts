import { type FilePlace, isObject } from './file-place.ts';
import type { ForeignMessage } from './foreign-message.ts';

/** A reading that an example expects. What it leaves out is not compared, except for `values`. */
export interface ExpectedReading {
  readonly device: string;
  /** `<type>/<version>` or the type alone. */
  readonly as: string | undefined;
  /** Milliseconds since the epoch, or the time of receipt. */
  readonly ts: number | 'received' | undefined;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A message that stands in the mapping file with what must become of it, and is tried when the file is loaded. */
export interface MappingExample {
  readonly message: ForeignMessage;
  readonly expect: readonly ExpectedReading[] | 'ignore' | 'reject';
  readonly at: FilePlace;
}

/** Received in 2026 when the example does not say: only local times that happen twice are judged by it. */
const RECEIVED_AT = Date.UTC(2026, 0, 1);
const MEMBERS = ['topic', 'payload', 'client', 'receivedAt', 'retained', 'expect', 'note'] as const;

/** Reads `examples`; what is wrong with them is reported at `at`. */
export function compileExamples(spec: unknown, at: FilePlace): MappingExample[] {
  if (spec === undefined) return [];
  if (!Array.isArray(spec)) return at.fault('must be a list') ?? [];
  return spec
    .map((example: unknown, index) => compileExample(example, at.at(index)))
    .filter((example) => example !== undefined);
}

function compileExample(spec: unknown, at: FilePlace): MappingExample | undefined {
  const members = at.object(spec, MEMBERS);
  if (members === undefined) return undefined;
  const { topic, payload, client = 'client', receivedAt = RECEIVED_AT, retained = false } = members;
  if (typeof topic !== 'string') return at.at('topic').fault('must be a topic');
  if (payload === undefined) return at.at('payload').fault('is missing: a text, or JSON as it is');
  if (typeof client !== 'string') return at.at('client').fault('must be a client id');
  if (!Number.isSafeInteger(receivedAt))
    return at.at('receivedAt').fault('must be milliseconds since the epoch');
  if (typeof retained !== 'boolean') return at.at('retained').fault('must be true or false');
  const expect = compileExpected(members.expect, at.at('expect'));
  if (expect === undefined) return undefined;
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const message = { topic, payload: Buffer.from(text), client, receivedAt: receivedAt as number, retained };
  return { message, expect, at };
}

function compileExpected(spec: unknown, at: FilePlace): MappingExample['expect'] | undefined {
  if (spec === 'ignore' || spec === 'reject') return spec;
  if (!Array.isArray(spec) || spec.length === 0)
    return at.fault('must be a list of readings, "ignore" or "reject"');
  const readings = spec.map((reading: unknown, index) => compileReading(reading, at.at(index)));
  return readings.every((reading) => reading !== undefined) ? readings : undefined;
}

function compileReading(spec: unknown, at: FilePlace): ExpectedReading | undefined {
  const members = at.object(spec, ['device', 'as', 'ts', 'values']);
  if (members === undefined) return undefined;
  const { device, as, ts, values } = members;
  if (typeof device !== 'string') return at.at('device').fault('must be a device id');
  if (as !== undefined && typeof as !== 'string') return at.at('as').fault('must be a type');
  const time = typeof ts === 'string' && ts !== 'received' ? Date.parse(ts) : ts;
  if (time !== undefined && time !== 'received' && !Number.isSafeInteger(time)) {
    return at.at('ts').fault('must be "received", milliseconds since the epoch, or ISO 8601 with a zone');
  }
  if (!isObject(values)) return at.at('values').fault('must be an object of field: value');
  return { device, as: as as string | undefined, ts: time as ExpectedReading['ts'], values };
}
