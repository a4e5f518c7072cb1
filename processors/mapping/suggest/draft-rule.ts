import { slugOf } from '#contract/mapping/device-source.ts';
import { isObject } from '#contract/mapping/file-place.ts';
import { pointerTokens } from '#contract/mapping/json-pointer.ts';
import { parseLineProtocol } from '#contract/mapping/line-protocol.ts';
import { collectValues, type FoundValues, fieldName, kindOf } from './found-fields.ts';
import { guessTime } from './guess-time.ts';
import { classOf } from './payload-class.ts';
import { topicPatternOf } from './topic-pattern-of.ts';
import type { TopicShape } from './topic-shapes.ts';

type Json = Readonly<Record<string, unknown>>;

/** A rule for the topics of a shape, and the type of its readings. */
export interface DraftedRule {
  readonly rule: Json;
  /** Missing when the topics are ignored. */
  readonly type?: { readonly name: string; readonly schema: Json };
  /** What a person has to look at. */
  readonly unsure: readonly string[];
}

/** How careful a draft is, because a bolder one did not map its samples. */
export interface DraftCare {
  /** Only one topic was seen: take the level that looks like a device for one that varies. */
  readonly guessDevice: boolean;
  readonly useTime: boolean;
  /** Leave the topics alone. */
  readonly ignore: boolean;
}

/** How the elements of which readings are made stand in the payload. */
interface Elements {
  readonly payload?: 'text' | 'line-protocol';
  readonly each?: string;
  /** The device is the key of the element. */
  readonly keyed: boolean;
  readonly elements: readonly unknown[];
}

const ID_MEMBER =
  /^(id|mac|serial|serialno|device|device_?id|dev_?eui|device_?name|node|node_?id|host|uid|uuid)$/i;

export function draftRule(shape: TopicShape, typeName: string, care: DraftCare): DraftedRule {
  const unsure: string[] = [];
  const samples = shape.topics.flatMap((seen) => seen.samples);
  const pattern = topicPatternOf(shape, samples, care.guessDevice, unsure);
  const found = care.ignore ? undefined : elementsOf(samples.map(({ payload }) => payload));
  if (found === undefined) {
    unsure.push('these messages hold nothing that was understood: ignore them, or write the rule yourself');
    return { rule: { topic: pattern.topic, note: noteOf(unsure), ignore: true }, unsure };
  }
  const { payload, each, keyed, elements } = found;
  const values: FoundValues = new Map();
  for (const element of elements) collectValues(element, values);
  const receivedAt = samples.map((sample) => sample.receivedAt);
  const time = care.useTime && payload !== 'text' ? guessTime(values, receivedAt, unsure) : undefined;
  if (time === undefined) unsure.push('no time was found in the payload: readings are stamped on receipt');
  const idMember = keyed || pattern.device !== undefined ? undefined : idIn(values, elements.length);
  const device = keyed
    ? { at: '{key}', slug: true }
    : (pattern.device ??
      (idMember === undefined ? slugOf(pattern.topic.replace(/[{}]/g, '')) : { at: idMember, slug: true }));
  unsure.push(
    `the device is ${keyed ? 'the key of the element' : (pattern.deviceText ?? idMember ?? 'one and the same for all')}: a guess`,
  );
  const body = fieldsOf(
    values,
    new Set([time?.at, idMember].filter((place) => place !== undefined)),
    pattern,
    payload,
    unsure,
  );
  if (body === undefined) return draftRule(shape, typeName, { ...care, ignore: true });
  return {
    rule: {
      topic: pattern.topic,
      note: noteOf(unsure),
      ...(payload !== undefined && { payload }),
      blank: 'ignore',
      empty: 'ignore',
      as: `${typeName}/1`,
      device,
      ts: time?.ts ?? 'received',
      ...(each !== undefined && { each: { in: each, when: { '': { type: 'object' } } } }),
      ...body.reading,
    },
    type: { name: typeName, schema: schemaOf(typeName, body.properties) },
    unsure,
  };
}

function noteOf(unsure: readonly string[]): string {
  return unsure.map((text) => `UNSURE: ${text}.`).join(' ');
}

function elementsOf(payloads: readonly Uint8Array[]): Elements | undefined {
  const present = payloads.filter((payload) => payload.length > 0);
  const classes = present.map(classOf);
  const kinds = new Set(classes.map(({ kind }) => kind));
  const [kind, ...others] = kinds;
  if (kind === undefined || kinds.has('binary')) return undefined;
  const texts = present.map((payload) => Buffer.from(payload).toString('utf8'));
  // Payloads of several kinds on one topic have in common that they are texts.
  if (others.length > 0 || kind === 'scalar' || kind === 'text')
    return { payload: 'text', keyed: false, elements: texts };
  if (kind === 'line-protocol') {
    return {
      payload: 'line-protocol',
      each: '',
      keyed: false,
      elements: texts.flatMap((text) => parseLineProtocol(text)),
    };
  }
  const roots = classes.map((one) => ('value' in one ? one.value : undefined));
  if (roots.every((root) => Array.isArray(root) && root.every(isObject)))
    return { each: '', keyed: false, elements: roots.flat().slice(0, 1_000) };
  if (roots.some((root) => Array.isArray(root))) return { keyed: false, elements: roots };
  const members = roots.flatMap((root) => Object.entries(root as object));
  const keyed =
    members.length > roots.length &&
    members.every(([, member]) => isObject(member)) &&
    new Set(
      members.map(([, member]) =>
        Object.keys(member as object)
          .toSorted()
          .join(),
      ),
    ).size === 1;
  if (keyed)
    return { each: '', keyed, elements: members.map(([, member]) => member as unknown).slice(0, 1_000) };
  return { keyed: false, elements: roots };
}

function idIn(values: FoundValues, elements: number): string | undefined {
  for (const [place, found] of values) {
    const [name, ...deeper] = pointerTokens(place) ?? [];
    if (name === undefined || deeper.length > 0 || !ID_MEMBER.test(name) || found.length < elements) continue;
    if (found.every((value) => (typeof value === 'string' && value !== '') || Number.isSafeInteger(value)))
      return place;
  }
  return undefined;
}

function fieldsOf(
  values: FoundValues,
  used: ReadonlySet<string>,
  pattern: ReturnType<typeof topicPatternOf>,
  payload: Elements['payload'],
  unsure: string[],
): { readonly reading: Json; readonly properties: Record<string, Json> } | undefined {
  const properties: Record<string, Json> = {};
  const taken = new Set<string>();
  if (pattern.names !== undefined && payload === 'text') {
    const fields: Record<string, string> = {};
    const kind = kindOf(values.get('') ?? []) ?? 'string';
    for (const name of pattern.names.values) {
      // No mapping file can have it as a key.
      if (name === '__proto__') continue;
      const field = fieldName([name], taken);
      fields[name] = field;
      properties[field] = property(kind, `Topics that end in ${name}`);
    }
    unsure.push('other names in the place of these fields are skipped and counted');
    return { reading: { named: { name: `{${pattern.names.capture}}`, fields } }, properties };
  }
  const sources: Record<string, string> = {};
  for (const [place, found] of values) {
    if (used.has(place) || (payload === 'line-protocol' && !place.startsWith('/fields/'))) continue;
    const kind = kindOf(found);
    if (kind === undefined) {
      unsure.push(
        `${place === '' ? 'the payload' : place} is left out: no value was seen, or values of no one kind`,
      );
      continue;
    }
    const name = fieldName(
      place === '' ? ['value'] : (pointerTokens(place) ?? []).slice(payload === 'line-protocol' ? 1 : 0),
      taken,
    );
    sources[name] = place;
    properties[name] = property(kind, place === '' ? 'The payload' : place);
  }
  return Object.keys(sources).length === 0 ? undefined : { reading: { values: sources }, properties };
}

function property(kind: 'float' | 'boolean' | 'string', place: string): Json {
  const description = `UNSURE: ${place}; its meaning, its unit and its bounds`;
  if (kind === 'boolean') return { type: 'boolean', description };
  return kind === 'string'
    ? { type: 'string', maxLength: 256, description }
    : { type: 'number', 'x-unit': '?', description };
}

function schemaOf(name: string, properties: Readonly<Record<string, Json>>): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: name,
    description: 'UNSURE: suggested from samples; give it a name, and its fields their units and bounds.',
    type: 'object',
    properties,
    minProperties: 1,
    additionalProperties: false,
  };
}
