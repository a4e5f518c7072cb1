import { type CompileContext, Zones } from '#contract/mapping/compile-context.ts';
import { FilePlace } from '#contract/mapping/file-place.ts';
import { buildMappings, type MappedMessage, type Mappings } from '#contract/mapping/mappings.ts';
import type { Scope } from '#contract/mapping/scope.ts';
import { buildSchemaRegistry, type SchemaRegistry } from '#contract/schema-registry.ts';

/** A type with a field of each kind. */
const PUMP = {
  type: 'object',
  properties: {
    flow: { type: 'number', minimum: -1000, maximum: 1000 },
    starts: { type: 'integer' },
    on: { type: 'boolean' },
    mode: { type: 'string' },
    valueOf: { type: 'number' },
  },
  additionalProperties: false,
};

function pumpSchemas(): SchemaRegistry {
  const built = buildSchemaRegistry([
    { path: 'pump/1.json', type: 'pump', version: '1', content: PUMP },
    {
      path: 'other/1.json',
      type: 'other',
      version: '1',
      content: { type: 'object', properties: { flow: { type: 'string' } }, additionalProperties: false },
    },
    { path: 'strict/1.json', type: 'strict', version: '1', content: { ...PUMP, required: ['flow'] } },
  ]);
  if (!('registry' in built)) throw new Error(built.problems.join('\n'));
  return built.registry;
}

export const PUMP_SCHEMAS = pumpSchemas();
export const RECEIVED_AT = Date.UTC(2026, 10, 20, 10, 0, 5);

/** What the loader says about files of these contents. */
export function problemsOf(...contents: readonly unknown[]): readonly string[] {
  const files = contents.map((content, index) => ({ path: `${index}.json`, content }));
  const built = buildMappings(files, PUMP_SCHEMAS, 'Europe/Berlin');
  return 'problems' in built ? built.problems : [];
}

/** Mappings of these rules. */
export function mappingsOf(...rules: readonly unknown[]): Mappings {
  const built = buildMappings(
    [{ path: 'test.json', content: { source: 'test', rules } }],
    PUMP_SCHEMAS,
    'Europe/Berlin',
  );
  if (!('mappings' in built)) throw new Error(built.problems.join('\n'));
  return built.mappings;
}

/** A reading with the members that a test does not care about. */
export function rule(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { topic: 't', as: 'pump/1', device: 'p', ts: 'received', values: { flow: '/f' }, ...members };
}

/** What a rule makes of a payload; anything but text and bytes is sent as JSON. */
export function mapOne(
  members: Readonly<Record<string, unknown>>,
  payload: unknown,
  topic = 't',
): MappedMessage {
  return mapWith(mappingsOf(rule({ topic, ...members })), payload, topic);
}

export function mapWith(mappings: Mappings, payload: unknown, topic = 't'): MappedMessage {
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return mappings.map({ topic, payload: bytes, client: 'c1', receivedAt: RECEIVED_AT, retained: false });
}

/** The values of the one reading that is expected. */
export function valuesOf(mapped: MappedMessage): unknown {
  const [only, ...others] = mapped.readings;
  if (only === undefined || others.length > 0 || mapped.rejects.length > 0)
    throw new Error(JSON.stringify(mapped));
  return only.reading.values;
}

/** A place in a file, with what was reported there. */
export function placeWithProblems(): { readonly at: FilePlace; readonly problems: string[] } {
  const problems: string[] = [];
  return { at: new FilePlace(problems, 'f.json'), problems };
}

export const CONTEXT: CompileContext = {
  captures: ['a', 'b'],
  levels: [],
  counted: new Set(),
  looks: { count: 0 },
  mayLookUp: true,
  zones: new Zones('Europe/Berlin'),
};

export function scopeOf(value: unknown, captures: readonly string[] = []): Scope {
  return {
    elements: [value],
    visited: 0,
    keys: [''],
    counts: [],
    captures,
    client: 'c1',
    topic: 't/x',
    receivedAt: RECEIVED_AT,
  };
}
