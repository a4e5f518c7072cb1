import { pointerTokens } from '#contract/mapping/json-pointer.ts';
import type { Elements } from './elements.ts';
import { type FoundValues, fieldName, kindOf, unitOfName, unitOfTexts } from './found-fields.ts';
import type { SeenTopic } from './seen-messages.ts';
import type { DraftedPattern } from './topic-pattern-of.ts';

export type Json = Readonly<Record<string, unknown>>;

interface Found {
  readonly values: FoundValues;
  /** Places that are the time or the device. */
  readonly used: ReadonlySet<string>;
  readonly elements: Elements;
  readonly pattern: DraftedPattern;
  readonly topics: readonly SeenTopic[];
}

export interface DraftedFields {
  /** `values`, `named` or both, as a rule has them. */
  readonly reading: Json;
  readonly properties: Readonly<Record<string, Json>>;
}

/** The fields of what was found; `undefined` when there are none. */
export function fieldsOf(
  { values, used, elements, pattern, topics }: Found,
  unsure: string[],
): DraftedFields | undefined {
  const { payload, named } = elements;
  const taken = new Set<string>();
  if (pattern.names !== undefined && payload === 'text') {
    const byName = new Map<string, unknown[]>();
    for (const { topic, samples } of topics) {
      const name = topic.split('/').at(-1) as string;
      // No mapping file can have the first as a key; the second means all.
      if (!pattern.names.values.includes(name) || name === '__proto__' || name === '*') continue;
      const texts = samples.map((sample) => Buffer.from(sample.payload).toString('utf8'));
      byName.set(name, [...(byName.get(name) ?? []), ...texts]);
    }
    const { fields, properties } = namedFields(byName, 'Topics that end in', taken, unsure);
    const reading = { named: { name: `{${pattern.names.capture}}`, fields } };
    return Object.keys(fields).length === 0 ? undefined : { reading, properties };
  }
  const properties: Record<string, Json> = {};
  const sources: Record<string, unknown> = {};
  for (const [place, found] of values) {
    if (used.has(place) || (payload === 'line-protocol' && !place.startsWith('/fields/'))) continue;
    const words =
      place === '' ? ['value'] : (pointerTokens(place) ?? []).slice(payload === 'line-protocol' ? 1 : 0);
    const where = place === '' ? 'the payload' : place;
    const field = draftField(found, words, where, unsure);
    if (field === undefined) continue;
    const name = fieldName(words, taken);
    sources[name] = field.steps === undefined ? place : { at: place, ...field.steps };
    properties[name] = field.property;
  }
  const reading: Record<string, unknown> = {};
  if (Object.keys(sources).length > 0) reading['values'] = sources;
  if (named !== undefined) {
    const drafted = namedFields(named.values, `${named.in}: the one called`, taken, unsure);
    if (Object.keys(drafted.fields).length > 0)
      reading['named'] = { in: named.in, name: named.name, value: named.value, fields: drafted.fields };
    Object.assign(properties, drafted.properties);
  }
  return Object.keys(reading).length === 0 ? undefined : { reading, properties };
}

function namedFields(
  values: ReadonlyMap<string, readonly unknown[]>,
  where: string,
  taken: Set<string>,
  unsure: string[],
): { readonly fields: Json; readonly properties: Readonly<Record<string, Json>> } {
  const fields: Record<string, unknown> = {};
  const properties: Record<string, Json> = {};
  for (const [name, found] of values) {
    const field = draftField(found, [name], `${where} ${name}`, unsure);
    if (field === undefined) continue;
    const as = fieldName([name], taken);
    fields[name] = field.steps === undefined ? as : { as, ...field.steps };
    properties[as] = field.property;
  }
  unsure.push('other names in the place of these fields are skipped and counted');
  return { fields, properties };
}

/** @returns `undefined`, and says so, when the values have no kind in common. */
function draftField(
  found: readonly unknown[],
  words: readonly string[],
  where: string,
  unsure: string[],
): { readonly property: Json; readonly steps?: Json } | undefined {
  const kind = kindOf(found);
  if (kind === undefined) {
    unsure.push(`${where} is left out: no value was seen, or values of no one kind`);
    return undefined;
  }
  const description = `UNSURE: ${where}; its meaning, its unit and its bounds`;
  if (kind === 'boolean') return { property: { type: 'boolean', description } };
  const number = (unit: string): Json => ({ type: 'number', 'x-unit': unit, description });
  if (kind === 'float') return { property: number(unitOfName(words) ?? '?') };
  const unit = unitOfTexts(found);
  if (unit !== undefined) return { property: number(unit), steps: { split: unit, index: 0 } };
  return { property: { type: 'string', maxLength: 256, description } };
}
