import type { FieldDefinition, ReadingSchema } from '#contract/schema-registry.ts';

/** A text to be compared with, four bytes at a time: as many words as fit, and one that ends with it. */
export interface Word {
  readonly length: number;
  readonly words: Int32Array;
  readonly last: number;
}

/** A schema as `ReadingScanner` looks at it: by the place of its fields. */
export interface PlainSchema {
  readonly schema: ReadingSchema;
  readonly name: Word;
  readonly fields: readonly PlainField[];
  /** By field, and one in front of all: which one came behind it the last time. Devices keep to their order. */
  readonly behind: Uint8Array;
  /** A bit for each field that must be there. */
  readonly required: number;
}

export interface PlainField {
  readonly key: Word;
  readonly definition: FieldDefinition;
  readonly min: number;
  readonly max: number;
  readonly above: number;
  readonly below: number;
}

/** A bit each. */
export const MOST_FIELDS = 31;

/** What may be said of a value without saying more than {@link PlainField} knows, beside `x-…`. */
const PLAIN_KEYWORDS = new Set([
  'type',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'title',
  'description',
  'examples',
]);
const PLAIN_OF_ALL = new Set([
  '$schema',
  '$id',
  'title',
  'description',
  'type',
  'properties',
  'required',
  'additionalProperties',
  'examples',
]);

const plainSchemas = new WeakMap<ReadingSchema, PlainSchema | 'none'>();

/** `undefined` when there is more to check than bounds. */
export function plainSchema(schema: ReadingSchema): PlainSchema | undefined {
  let plain = plainSchemas.get(schema);
  if (plain === undefined) {
    plain = compilePlain(schema) ?? 'none';
    plainSchemas.set(schema, plain);
  }
  return plain === 'none' ? undefined : plain;
}

function compilePlain(schema: ReadingSchema): PlainSchema | undefined {
  const definitions = [...schema.fields.values()];
  const isPlain =
    definitions.length <= MOST_FIELDS &&
    hasOnly(schema.content, PLAIN_OF_ALL) &&
    definitions.every(({ kind, schema: own }) => kind !== 'string' && hasOnly(own, PLAIN_KEYWORDS));
  if (!isPlain) return undefined;
  let required = 0;
  for (const [place, definition] of definitions.entries()) if (definition.required) required |= 1 << place;
  return {
    schema,
    name: wordOf(JSON.stringify(schema.name)),
    fields: definitions.map(plainField),
    behind: new Uint8Array(definitions.length + 1),
    required,
  };
}

function plainField(definition: FieldDefinition): PlainField {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = definition.schema;
  return {
    key: wordOf(`${JSON.stringify(definition.name)}:`),
    definition,
    min: bound(minimum, -Infinity),
    max: bound(maximum, Infinity),
    above: bound(exclusiveMinimum, -Infinity),
    below: bound(exclusiveMaximum, Infinity),
  };
}

function bound(value: unknown, none: number): number {
  return typeof value === 'number' ? value : none;
}

function hasOnly(schema: Readonly<Record<string, unknown>>, keywords: ReadonlySet<string>): boolean {
  return Object.keys(schema).every((name) => keywords.has(name) || name.startsWith('x-'));
}

/** @param text ASCII, at least four characters */
export function wordOf(text: string): Word {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer);
  const { length } = bytes;
  const words = Int32Array.from({ length: length >> 2 }, (_, i) => view.getInt32(4 * i));
  return { length, words, last: view.getInt32(length - 4) };
}
