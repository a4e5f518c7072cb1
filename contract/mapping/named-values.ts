import type { FieldDefinition, ReadingSchema } from '#contract/schema-registry.ts';
import type { CompileContext } from './compile-context.ts';
import { compileElements, forEachEntry } from './each.ts';
import type { FieldSource } from './field-source.ts';
import { type FilePlace, isObject } from './file-place.ts';
import type { Scope, Source } from './scope.ts';
import { compileSource, type SourceSpec, STEP_MEMBERS, withSteps } from './source.ts';

/** Fields whose names stand in the message: in the topic, in keys, in lists of names and values. */
export interface NamedValues {
  /** Calls `use` with the field of each name in the table, and returns how many names were not in it. */
  readonly read: (scope: Scope, use: (field: FieldSource) => void) => number;
  /** Fields that the table can fill, for `mapping check`. */
  readonly fields: readonly string[];
}

/**
 * Compiles `named`: `in` (elements to look through; without it the one pair of the element), `name` (default the key),
 * `value` (default the element), `fields` (name in the message → field, or field and steps; `"*": true` = the names
 * that the schema has).
 */
export function compileNamed(
  spec: unknown,
  at: FilePlace,
  outer: CompileContext,
  schema: ReadingSchema,
): NamedValues | undefined {
  const members = at.object(spec, ['in', 'name', 'value', 'fields']);
  if (members === undefined) return undefined;
  const many = 'in' in members;
  const elements = many ? compileElements(members.in, at.at('in'), outer) : undefined;
  if (many && elements === undefined) return undefined;
  const context = elements?.context ?? outer;
  if (!many && members.name === undefined) return at.fault('must have "name", or "in" for many names');
  const name = compileSource(members.name ?? '{key}', at.at('name'), context);
  const value = compileSource(members.value ?? '', at.at('value'), context);
  if (name === undefined || value === undefined) return undefined;
  const table = compileTable(members.fields, at.at('fields'), schema, value, context);
  if (table === undefined) return undefined;

  const readOne = (scope: Scope, use: (field: FieldSource) => void): number => {
    const found = name.read(scope);
    if (typeof found !== 'string' && typeof found !== 'number') return 1;
    const field = table.get(String(found));
    if (field === undefined) return 1;
    use(field);
    return 0;
  };
  const { fields } = table;
  if (elements === undefined) return { read: readOne, fields };
  const depth = context.levels.length;
  return {
    fields,
    read: (scope, use) => {
      let skipped = 0;
      forEachEntry(elements.source.read(scope), depth, scope, () => {
        skipped += readOne(scope, use);
        return true;
      });
      return skipped;
    },
  };
}

interface FieldTable {
  readonly get: (name: string) => FieldSource | undefined;
  readonly fields: readonly string[];
}

function compileTable(
  spec: unknown,
  at: FilePlace,
  schema: ReadingSchema,
  value: Source,
  context: CompileContext,
): FieldTable | undefined {
  if (!isObject(spec) || Object.keys(spec).length === 0) return at.fault('must be an object of name: field');
  const table = new Map<string, FieldSource>();
  let others: Map<string, FieldSource> | undefined;
  for (const [name, entry] of Object.entries(spec)) {
    if (name === '*') {
      if (entry !== true) at.at(name).fault('must be true: every other name is a field of that name');
      others = new Map([...schema.fields.values()].map((field) => [field.name, { field, source: value }]));
      continue;
    }
    const compiled = compileEntry(entry, at.at(name), schema, value, context);
    if (compiled !== undefined) table.set(name, compiled);
  }
  return {
    get: (name) => table.get(name) ?? others?.get(name),
    fields: [...new Set([...table.values(), ...(others?.values() ?? [])].map(({ field }) => field.name))],
  };
}

function compileEntry(
  entry: unknown,
  at: FilePlace,
  schema: ReadingSchema,
  value: Source,
  context: CompileContext,
): FieldSource | undefined {
  if (typeof entry === 'string') {
    const field = fieldOf(entry, at, schema);
    return field && { field, source: value };
  }
  const members = at.object(entry, ['as', ...STEP_MEMBERS]);
  if (members === undefined) return undefined;
  const { as, ...steps } = members;
  if (typeof as !== 'string') return at.at('as').fault('must name a field');
  const field = fieldOf(as, at.at('as'), schema);
  return field && { field, source: withSteps(value, steps as SourceSpec, at, context) };
}

/** The schema's field of that name; reports when it has none. */
export function fieldOf(name: string, at: FilePlace, schema: ReadingSchema): FieldDefinition | undefined {
  return (
    schema.fields.get(name) ??
    at.fault(
      `${schema.name} has no field ${JSON.stringify(name)} (it has ${[...schema.fields.keys()].join(', ')})`,
    )
  );
}
