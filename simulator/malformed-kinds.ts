import { LIMITS, type Limits } from '#contract/limits.ts';
import type { FieldValue } from '#contract/reading.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { FieldDefinition, ReadingSchema } from '#contract/schema-registry.ts';
import type { RandomStream } from './random-stream.ts';

/** The bounds of the gateway that a message can be beyond: those in force where the simulator runs. */
export type MessageBounds = Pick<Limits, 'packetBytes' | 'payloadBytes' | 'readingsPerMessage'>;

/** A sound reading that is about to be broken. */
export interface Subject {
  readonly schema: ReadingSchema;
  readonly ts: number;
  readonly seq: number;
  readonly values: Readonly<Record<string, FieldValue>>;
  readonly random: RandomStream;
  readonly limits: MessageBounds;
}

/**
 * One way firmware gets a reading wrong. What it writes is refused for exactly one reason, whenever it arrives, and
 * holds the `ts` or `seq` of its reading, so that no two of a device have the same bytes: the ledger knows them again
 * in the dead letters by their hash.
 */
export interface MalformedKind {
  readonly name: string;
  readonly reason: RejectReason;
  /** Elements can stand between sound readings of a batch; messages spoil everything around them, so they go alone. */
  readonly scope: 'element' | 'message';
  /** How often, compared with the others. */
  readonly weight: number;
  readonly fits: (schema: ReadingSchema, limits: MessageBounds) => boolean;
  readonly write: (subject: Subject) => string | Buffer;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Room for the MQTT header and the topic below the limit on packets. */
const AROUND_A_PAYLOAD = 1024;
/** By how much a payload is too large at most: enough to be seen. */
const MOST_ABOVE = LIMITS.packetBytes - LIMITS.payloadBytes;
/** Elements of a message that has too many, beyond the bound. */
const ELEMENTS_ABOVE = 20;
/** Bytes of one of them, with its comma. */
const ELEMENT_BYTES = 40;

const always = (): boolean => true;

/** The text of the reading with some of its parts replaced; `undefined` removes a part. */
function text(subject: Subject, changes: Record<string, unknown> = {}): string {
  const { ts, seq, values } = subject;
  return JSON.stringify({ schema: subject.schema.name, ts, seq, values, ...changes });
}

/** Like {@link text} with values changed. */
function withValues(subject: Subject, changes: Record<string, unknown>): string {
  return text(subject, { values: { ...subject.values, ...changes } });
}

/** Puts text that `JSON.stringify` would never write in the place of the string `"@"`. */
function raw(json: string, replacement: string): string {
  return json.replace('"@"', () => replacement);
}

function find(schema: ReadingSchema, test: (field: FieldDefinition) => boolean): FieldDefinition | undefined {
  return [...schema.fields.values()].find(test);
}

const isNumeric = (field: FieldDefinition): boolean => field.kind === 'integer' || field.kind === 'float';
const isInteger = (field: FieldDefinition): boolean => field.kind === 'integer';
const isRequired = (field: FieldDefinition): boolean => field.required;
/** Above a maximum near 2^53 the reason would be another one. */
const isBounded = (field: FieldDefinition): boolean =>
  isNumeric(field) && typeof field.schema['maximum'] === 'number' && field.schema['maximum'] < 1e15;

function nameOf(subject: Subject, test: (field: FieldDefinition) => boolean = always): string {
  return find(subject.schema, test)?.name ?? '';
}

function element(
  name: string,
  reason: RejectReason,
  write: (subject: Subject) => string,
  fits: MalformedKind['fits'] = always,
): MalformedKind {
  return { name, reason, scope: 'element', weight: 1, fits, write };
}

function message(
  name: string,
  reason: RejectReason,
  write: (subject: Subject) => string | Buffer,
  weight = 1,
  fits: MalformedKind['fits'] = always,
): MalformedKind {
  return { name, reason, scope: 'message', weight, fits, write };
}

const ELEMENTS: readonly MalformedKind[] = [
  element('wrong type', 'schema-violation', (s) => {
    const kind = find(s.schema, always)?.kind;
    return withValues(s, { [nameOf(s)]: kind === 'string' ? 17 : 'hot' });
  }),
  element('null value', 'schema-violation', (s) => withValues(s, { [nameOf(s)]: null })),
  element('nested value', 'schema-violation', (s) => withValues(s, { [nameOf(s)]: { value: 1 } })),
  element(
    'value missing',
    'schema-violation',
    (s) => withValues(s, { [nameOf(s, isRequired)]: undefined }),
    (schema) => find(schema, isRequired) !== undefined,
  ),
  element(
    'above the maximum',
    'schema-violation',
    (s) => {
      const field = find(s.schema, isBounded);
      return withValues(s, { [nameOf(s, isBounded)]: Number(field?.schema['maximum']) + 1 });
    },
    (schema) => find(schema, isBounded) !== undefined,
  ),
  element(
    'fraction for an integer',
    'schema-violation',
    (s) => withValues(s, { [nameOf(s, isInteger)]: 1.5 }),
    (schema) => find(schema, isInteger) !== undefined,
  ),
  element('unknown value', 'schema-violation', (s) => withValues(s, { notInTheSchema: 1 })),
  element('__proto__', 'schema-violation', (s) =>
    raw(withValues(s, { x: '@' }), '1').replace('"x"', '"__proto__"'),
  ),
  element('lone surrogate', 'schema-violation', (s) => raw(withValues(s, { [nameOf(s)]: '@' }), '"\\ud800"')),
  element('unknown key', 'schema-violation', (s) => text(s, { firmware: '2.1' })),
  element('no values', 'schema-violation', (s) => text(s, { values: undefined })),
  element('empty values', 'schema-violation', (s) => text(s, { values: {} })),
  element('values in an array', 'schema-violation', (s) => text(s, { values: Object.values(s.values) })),
  element('no schema', 'schema-violation', (s) => text(s, { schema: undefined })),
  element('schema not a string', 'schema-violation', (s) => text(s, { schema: 1 })),
  element('no ts', 'schema-violation', (s) => text(s, { ts: undefined })),
  element('ts as text', 'schema-violation', (s) => text(s, { ts: new Date(s.ts).toISOString() })),
  element('ts with a fraction', 'schema-violation', (s) => text(s, { ts: s.ts + 0.5 })),
  element('negative ts', 'schema-violation', (s) => text(s, { ts: -s.ts })),
  element('negative seq', 'schema-violation', (s) => text(s, { seq: -1 - s.seq })),
  element('a bare number', 'schema-violation', (s) => String(s.seq)),
  element('JSON within a string', 'schema-violation', (s) => JSON.stringify(text(s))),
  element('unknown type', 'unknown-schema', (s) => text(s, { schema: 'no-such-type/1' })),
  element('unknown version', 'unknown-schema', (s) => text(s, { schema: `${s.schema.type}/999999` })),
  element('schema without version', 'unknown-schema', (s) => text(s, { schema: s.schema.type })),
  element(
    'infinite value',
    'number-out-of-range',
    (s) => raw(withValues(s, { [nameOf(s, isNumeric)]: '@' }), '1e999'),
    (schema) => find(schema, isNumeric) !== undefined,
  ),
  element(
    'integer beyond 2^53',
    'number-out-of-range',
    (s) => raw(withValues(s, { [nameOf(s, isNumeric)]: '@' }), '9007199254740993'),
    (schema) => find(schema, isNumeric) !== undefined,
  ),
  element('ts in nanoseconds', 'number-out-of-range', (s) => raw(text(s, { ts: '@' }), `${s.ts}000000`)),
  element(
    'ts in seconds',
    'timestamp-out-of-range',
    (s) => text(s, { ts: Math.floor(s.ts / 1000) }),
    (schema) => schema.maxAgeMs < 1e12,
  ),
  element(
    'clock never set',
    'timestamp-out-of-range',
    (s) => text(s, { ts: s.seq }),
    (schema) => schema.maxAgeMs < 1e12,
  ),
  element('too old', 'timestamp-out-of-range', (s) => text(s, { ts: s.ts - s.schema.maxAgeMs - DAY_MS })),
  element('from the future', 'timestamp-out-of-range', (s) =>
    text(s, { ts: s.ts + s.schema.maxSkewMs + 30 * DAY_MS }),
  ),
];

const MESSAGES: readonly MalformedKind[] = [
  message('cut off', 'malformed-json', (s) => {
    const json = text(s);
    const afterSeq = json.indexOf('"values"');
    return json.slice(0, afterSeq + s.random.below(json.length - afterSeq));
  }),
  message('trailing bytes', 'malformed-json', (s) => `${text(s)}}`),
  message('NaN', 'malformed-json', (s) => raw(withValues(s, { [nameOf(s)]: '@' }), 'NaN')),
  message('single quotes', 'malformed-json', (s) => text(s).replaceAll('"', "'")),
  message('not JSON at all', 'malformed-json', (s) => `ERR ${s.seq} sensor bus timeout at ${s.ts}`),
  message('byte-order mark', 'malformed-json', (s) => `\ufeff${text(s)}`),
  message('UTF-16', 'malformed-json', (s) => Buffer.from(text(s), 'utf16le')),
  message('binary', 'not-utf8', (s) => {
    const bytes = Buffer.alloc(24, 0xff);
    bytes.writeDoubleBE(s.ts, 0);
    bytes.writeUInt32BE(s.seq % 2 ** 32, 8);
    return bytes;
  }),
  message('Latin-1', 'not-utf8', (s) => Buffer.from(text(s, { firmware: '°C' }), 'latin1')),
  message(
    'too many readings',
    'too-many-readings',
    (s) => {
      const readings = s.limits.readingsPerMessage + 1 + s.random.below(ELEMENTS_ABOVE);
      return JSON.stringify(Array.from({ length: readings }, () => ({ seq: s.seq, ts: s.ts })));
    },
    0.3,
    // Else it would be too large before.
    (_, { readingsPerMessage, payloadBytes }) =>
      (readingsPerMessage + ELEMENTS_ABOVE) * ELEMENT_BYTES < payloadBytes,
  ),
  message(
    'too large',
    'payload-too-large',
    (s) => {
      const { payloadBytes, packetBytes } = s.limits;
      const room = Math.min(packetBytes - AROUND_A_PAYLOAD - payloadBytes, MOST_ABOVE);
      const size = payloadBytes + 1 + s.random.below(room);
      return text(s).padEnd(size, ' ');
    },
    0.1,
  ),
];

export const MALFORMED_KINDS: readonly MalformedKind[] = [...ELEMENTS, ...MESSAGES];

/** What can go wrong with readings of one schema, and how often it is what. */
export class MalformedChoice {
  /** Part of malformed readings that go as a message of their own. */
  readonly messageShare: number;
  readonly #elements: readonly MalformedKind[];
  readonly #messages: readonly MalformedKind[];

  constructor(schema: ReadingSchema, limits: MessageBounds) {
    this.#elements = ELEMENTS.filter((kind) => kind.fits(schema, limits));
    this.#messages = MESSAGES.filter((kind) => kind.fits(schema, limits));
    const messages = totalWeight(this.#messages);
    this.messageShare = messages / (messages + totalWeight(this.#elements));
  }

  pick(scope: MalformedKind['scope'], random: RandomStream): MalformedKind {
    const kinds = scope === 'element' ? this.#elements : this.#messages;
    let at = random.next() * totalWeight(kinds);
    const found = kinds.find((kind) => {
      at -= kind.weight;
      return at < 0;
    });
    return found ?? (kinds[0] as MalformedKind);
  }
}

function totalWeight(kinds: readonly MalformedKind[]): number {
  return kinds.reduce((sum, kind) => sum + kind.weight, 0);
}
