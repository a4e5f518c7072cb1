import { slugOf } from '#contract/mapping/device-source.ts';
import { pointerTokens } from '#contract/mapping/json-pointer.ts';
import { fieldsOf, type Json } from './drafted-fields.ts';
import { elementsOf } from './elements.ts';
import { collectValues, type FoundValues } from './found-fields.ts';
import { guessTime } from './guess-time.ts';
import { topicPatternOf } from './topic-pattern-of.ts';
import type { TopicShape } from './topic-shapes.ts';

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
  const values = valuesOf(elements);
  const receivedAt = samples.map((sample) => sample.receivedAt);
  const hasTime = care.useTime && payload !== 'text' && typeof payload !== 'object';
  const time = hasTime
    ? (guessTime(values, receivedAt, unsure) ??
      guessTime(valuesOf(found.around ?? []), receivedAt, unsure, '^'))
    : undefined;
  if (time === undefined) unsure.push('no time was found in the payload: readings are stamped on receipt');
  // Elements of one message are of several devices: whoever is named in them, before who is named in the topic.
  const idMember =
    keyed || (pattern.device !== undefined && each === undefined) ? undefined : idIn(values, elements.length);
  const [device, deviceText] = keyed
    ? [{ at: '{key}', slug: true }, 'the key of the element']
    : idMember !== undefined
      ? [{ at: idMember, slug: true }, idMember]
      : pattern.device !== undefined
        ? [pattern.device, pattern.deviceText]
        : [slugOf(pattern.topic.replace(/[{}]/g, '')), 'one and the same for all'];
  unsure.push(`the device is ${deviceText}: a guess`);
  for (const list of found.lists ?? [])
    unsure.push(`${list} is a list of objects, and left out: a reading of its own, with "each", may want it`);
  const used = new Set([time?.at, idMember].filter((place) => place !== undefined));
  const body = fieldsOf({ values, used, elements: found, pattern, topics: shape.topics }, unsure);
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

function valuesOf(elements: readonly unknown[]): FoundValues {
  const values: FoundValues = new Map();
  for (const element of elements) collectValues(element, values);
  return values;
}

function noteOf(unsure: readonly string[]): string {
  return unsure.map((text) => `UNSURE: ${text}.`).join(' ');
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
