import { isLabelName, isLabelValue, type Labels } from '#contract/labels.ts';
import { LIMITS } from '#contract/limits.ts';
import { isMeasurementName } from '#contract/measurement-name.ts';
import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';
import { isAbsent } from './coerce-value.ts';
import type { CompileContext } from './compile-context.ts';
import { type FilePlace, isObject } from './file-place.ts';
import type { PlacedFault } from './payload-kind.ts';
import { type Scope, type Source, Unfit } from './scope.ts';
import { compileSource } from './source.ts';
import { isSourceText } from './source-text.ts';

/** How the store names what it keeps of a reading, where that is not told by its type alone. */
export interface StoreNames {
  readonly measurement?: string;
  /** Travel as labels of the record, so `STORE_TAGS` says which of them the store keeps. */
  readonly tags?: Labels;
}

/** Compiled `as`. */
export interface ReadingKind {
  readonly schema: ReadingSchema;
  readonly measurement: string | undefined;
  /** Missing when neither measurement nor tags are named; faults are told through `onFault`. */
  readonly names: ((scope: Scope, onFault: (fault: PlacedFault) => void) => StoreNames) | undefined;
}

const NO_TAG = 'must be 1–64 characters without control characters or backslashes to be a tag';

/** Compiles `as`: `"<type>/<version>"`, or that as `type`, with `measurement` and `tags`. */
export function compileAs(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
  schemas: SchemaRegistry,
): ReadingKind | undefined {
  if (!isObject(spec)) {
    const schema = schemaOf(spec, at, schemas);
    return schema && { schema, measurement: undefined, names: undefined };
  }
  const members = at.object(spec, ['type', 'measurement', 'tags']);
  const schema = schemaOf(members?.type, at.at('type'), schemas);
  const measurement = compileMeasurement(members?.measurement, at.at('measurement'));
  const tags = compileTags(members?.tags, at.at('tags'), context, schema);
  if (schema === undefined || tags === undefined) return undefined;
  const fixed = measurement === undefined ? {} : { measurement };
  return {
    schema,
    measurement,
    names: (scope, onFault) => {
      if (tags.length === 0) return fixed;
      const found = tags.flatMap(([name, source]) => {
        const value = textOf(source.read(scope));
        if (value === undefined) return [];
        if (value instanceof Unfit)
          onFault({ path: source.place(scope) ?? '', message: `${value.message} (${name})` });
        return [[name, value as string] as const];
      });
      return found.length === 0 ? fixed : { ...fixed, tags: Object.fromEntries(found) };
    },
  };
}

function compileMeasurement(spec: unknown, at: FilePlace): string | undefined {
  if (spec === undefined || (typeof spec === 'string' && isMeasurementName(spec))) return spec;
  return at.fault('must be a name of 1–64 letters, digits and _ . : - that begins with a letter');
}

function schemaOf(name: unknown, at: FilePlace, schemas: SchemaRegistry): ReadingSchema | undefined {
  if (typeof name !== 'string') return at.fault('must be "<type>/<version>"');
  return schemas.get(name) ?? at.fault(`there is no schema ${JSON.stringify(name)}`);
}

function compileTags(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
  schema: ReadingSchema | undefined,
): (readonly [name: string, source: Source])[] | undefined {
  if (spec === undefined) return [];
  if (!isObject(spec)) return at.fault('must be an object of tag: text or source');
  const entries = Object.entries(spec);
  if (entries.length > LIMITS.labelsPerDevice)
    return at.fault(`must be at most ${LIMITS.labelsPerDevice}, as they travel as labels`);
  const tags: (readonly [string, Source])[] = [];
  for (const [name, value] of entries) {
    const place = at.at(name);
    if (!isLabelName(name)) place.fault('must be a name of 1–32 of a-z 0-9 _ that begins with a letter');
    if (schema?.fields.has(name))
      place.fault(`${schema.name} has a field of that name: which would a query mean?`);
    const source = compileTag(value, place, context);
    if (source !== undefined) tags.push([name, source]);
  }
  return tags;
}

function compileTag(spec: unknown, at: FilePlace, context: CompileContext): Source | undefined {
  if (typeof spec !== 'string' || isSourceText(spec)) return compileSource(spec, at, context);
  if (!isLabelValue(spec)) return at.fault(NO_TAG);
  return { read: () => spec, place: () => undefined };
}

function textOf(value: unknown): string | undefined | Unfit {
  if (value instanceof Unfit) return value;
  if (isAbsent(value)) return undefined;
  const text = typeof value === 'object' ? '' : String(value);
  return isLabelValue(text) ? text : new Unfit(NO_TAG);
}
