import { isDeepStrictEqual } from 'node:util';
import type { FieldKind } from '#contract/reading.ts';
import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';

/** What differs between the schemas of a release and those of today, for one `<type>/<version>`. */
export interface SchemaChange {
  readonly schema: string;
  /** Readings that were accepted before are accepted, and what is stored keeps its kind. */
  readonly compatible: boolean;
  readonly why: string;
}

/** A field as a store holds it. */
export interface HeldField {
  readonly measurement: string;
  readonly name: string;
  readonly kind: FieldKind;
}

/**
 * Compares what is there now with the last release. A published version never changes what it accepts, because devices in
 * the field send by it: whoever needs more makes another version. Text for people (title, description, `x-…`) may change.
 */
export function compareSchemas(before: SchemaRegistry, now: SchemaRegistry): SchemaChange[] {
  const changes: SchemaChange[] = [];
  for (const old of before.values()) {
    const today = now.get(old.name);
    if (today === undefined) {
      const why =
        'was there and is not: its devices are refused, and records of it in the log cannot be read';
      changes.push({ schema: old.name, compatible: false, why });
    } else for (const change of changesWithin(old, today)) changes.push({ schema: old.name, ...change });
  }
  for (const today of now.values()) {
    if (before.has(today.name)) continue;
    const conflicts = [...before.values()]
      .filter(({ type }) => type === today.type)
      .flatMap((old) => kindConflicts(today, [...old.fields.values()], `in ${old.name} of the release`));
    if (conflicts.length === 0) changes.push({ schema: today.name, compatible: true, why: 'is new' });
    for (const why of new Set(conflicts)) changes.push({ schema: today.name, compatible: false, why });
  }
  return changes;
}

/** Fields whose kind a store cannot take, because it holds the same field in another one. */
export function compareWithStore(now: SchemaRegistry, held: readonly HeldField[]): SchemaChange[] {
  return [...now.values()].flatMap((schema) =>
    kindConflicts(
      schema,
      held.filter(({ measurement }) => measurement === schema.type),
      'in the store, which would refuse it',
    ).map((why) => ({ schema: schema.name, compatible: false, why })),
  );
}

function kindConflicts(
  schema: ReadingSchema,
  others: readonly { readonly name: string; readonly kind: FieldKind }[],
  where: string,
): string[] {
  return others.flatMap(({ name, kind }) => {
    const own = schema.fields.get(name)?.kind;
    return own === undefined || own === kind ? [] : [`"${name}" is ${own} here and ${kind} ${where}`];
  });
}

type Change = Pick<SchemaChange, 'compatible' | 'why'>;

function changesWithin(before: ReadingSchema, now: ReadingSchema): Change[] {
  const breaking = (why: string): Change => ({ compatible: false, why });
  const changes: Change[] = [];
  for (const [name, field] of before.fields) {
    const today = now.fields.get(name);
    if (today === undefined) changes.push(breaking(`"${name}" is gone: readings that hold it are refused`));
    else if (today.kind !== field.kind)
      changes.push(breaking(`"${name}" was ${field.kind} and is ${today.kind}: the store keeps one kind`));
    else {
      if (today.required && !field.required)
        changes.push(breaking(`"${name}" is required now: readings without it are refused`));
      changes.push(...rulesOf(name, field.schema, today.schema));
    }
  }
  for (const [name, { required }] of now.fields) {
    if (before.fields.has(name)) continue;
    if (required) changes.push(breaking(`"${name}" is new and required: readings without it are refused`));
    else changes.push({ compatible: true, why: `"${name}" is new, and need not be sent` });
  }
  for (const limit of ['maxAgeMs', 'maxSkewMs'] as const) {
    if (now[limit] < before[limit])
      changes.push(
        breaking(`${limit} was ${before[limit]} and is ${now[limit]}: later readings are refused`),
      );
  }
  const others = otherRules(before, now);
  if (others.length > 0)
    changes.push(breaking(`${others.join(', ')} changed: who can tell what it refuses?`));
  return changes;
}

/** Keywords for which more is accepted when the number grows, and when it shrinks. */
const GROWING = new Set(['maximum', 'exclusiveMaximum', 'maxLength']);
const SHRINKING = new Set(['minimum', 'exclusiveMinimum', 'minLength']);

function rulesOf(name: string, before: Rules, now: Rules): Change[] {
  const changes: Change[] = [];
  for (const keyword of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (isAnnotation(keyword) || keyword === 'type' || isDeepStrictEqual(before[keyword], now[keyword]))
      continue;
    const [old, today] = [before[keyword], now[keyword]];
    const words = `"${name}": ${keyword} was ${textOf(old)} and is ${textOf(today)}`;
    const wider =
      today === undefined ||
      (typeof old === 'number' &&
        typeof today === 'number' &&
        ((GROWING.has(keyword) && today > old) || (SHRINKING.has(keyword) && today < old))) ||
      (keyword === 'enum' &&
        Array.isArray(old) &&
        Array.isArray(today) &&
        old.every((it) => today.includes(it)));
    changes.push({
      compatible: wider,
      why: wider ? `${words}: accepts more` : `${words}: may refuse what was accepted`,
    });
  }
  return changes;
}

type Rules = Readonly<Record<string, unknown>>;

/** Of the schema as a whole: rules beside those of its properties. */
function otherRules({ content: before }: ReadingSchema, { content: now }: ReadingSchema): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (keyword) =>
      !isAnnotation(keyword) &&
      !['properties', 'required', 'type'].includes(keyword) &&
      !isDeepStrictEqual(before[keyword], now[keyword]),
  );
}

function isAnnotation(keyword: string): boolean {
  return (
    keyword.startsWith('x-') || /^(\$schema|\$id|\$comment|title|description|examples|default)$/.test(keyword)
  );
}

function textOf(value: unknown): string {
  return value === undefined ? 'not there' : JSON.stringify(value);
}
