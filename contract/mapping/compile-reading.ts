import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';
import { compileAs, type ReadingKind } from './compile-as.ts';
import type { CompileContext } from './compile-context.ts';
import { type Condition, compileCondition } from './condition.ts';
import { compileDevice, type DeviceSource } from './device-source.ts';
import { compileEach, type EachLevel } from './each.ts';
import type { FieldSource } from './field-source.ts';
import { type FilePlace, isObject } from './file-place.ts';
import { compileNamed, fieldOf, type NamedValues } from './named-values.ts';
import { compileReadingTime, type ReadingTime } from './reading-time.ts';
import { compileSource } from './source.ts';

export const READING_MEMBERS = ['as', 'device', 'ts', 'each', 'when', 'values', 'named'] as const;

/** How one kind of reading is made of an element of a message. */
export interface CompiledReading {
  readonly schema: ReadingSchema;
  /** How the store is to name it, where its type alone does not say. */
  readonly kind: ReadingKind;
  /** Pointers of the levels of `each`, for the place of an element. */
  readonly pointers: readonly string[];
  readonly levels: readonly EachLevel[];
  readonly when: Condition;
  readonly device: DeviceSource;
  readonly ts: ReadingTime;
  readonly values: readonly FieldSource[];
  readonly named: NamedValues | undefined;
}

/** Compiles a reading of a rule; everything that is wrong with it is reported at `at`. */
export function compileReading(
  spec: Readonly<Partial<Record<(typeof READING_MEMBERS)[number], unknown>>>,
  at: FilePlace,
  outer: CompileContext,
  schemas: SchemaRegistry,
): CompiledReading | undefined {
  const each = compileEach(spec.each, at.at('each'), { ...outer, counted: new Set() });
  if (each === undefined) return undefined;
  const { levels, context } = each;
  const kind = compileAs(spec.as, at.at('as'), context, schemas);
  const schema = kind?.schema;
  const when = compileCondition(spec.when, at.at('when'), context);
  const device = compileDevice(spec.device, at.at('device'), context);
  const ts = compileReadingTime(spec.ts, at.at('ts'), context);
  if (kind === undefined || schema === undefined) return undefined;
  const values = compileValues(spec.values, at.at('values'), context, schema);
  const named =
    spec.named === undefined ? undefined : compileNamed(spec.named, at.at('named'), context, schema);
  if (spec.values === undefined && spec.named === undefined) at.fault('must have "values" or "named"');
  for (const field of schema.fields.values()) {
    if (
      !field.required ||
      values?.some((value) => value.field === field) ||
      named?.fields.includes(field.name)
    )
      continue;
    at.fault(`${schema.name} requires ${JSON.stringify(field.name)}, which is mapped from nowhere`);
  }
  if (when === undefined || device === undefined || ts === undefined || values === undefined)
    return undefined;
  return { schema, kind, pointers: context.levels, levels, when, device, ts, values, named };
}

function compileValues(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
  schema: ReadingSchema,
): FieldSource[] | undefined {
  if (spec === undefined) return [];
  if (!isObject(spec) || Object.keys(spec).length === 0)
    return at.fault('must be an object of field: source');
  const values: FieldSource[] = [];
  for (const [name, sourceSpec] of Object.entries(spec)) {
    const field = fieldOf(name, at.at(name), schema);
    const source = compileSource(sourceSpec, at.at(name), context);
    if (field !== undefined && source !== undefined) values.push({ field, source });
  }
  return values;
}
