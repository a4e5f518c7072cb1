import type { ForeignMessage } from '#contract/mapping/foreign-message.ts';
import { buildMappings, type Mappings } from '#contract/mapping/mappings.ts';
import { buildSchemaRegistry, type ReadingSchema } from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type DraftCare, type DraftedRule, draftRule } from './draft-rule.ts';
import { fieldName } from './found-fields.ts';
import type { SeenTopic } from './seen-messages.ts';
import { type TopicShape, topicShapes } from './topic-shapes.ts';

/** Files that are to be written, and what a person has to look at in them. */
export interface Suggestion {
  readonly mapping: Readonly<Record<string, unknown>>;
  readonly schemas: readonly { readonly type: string; readonly content: unknown }[];
  readonly rules: readonly {
    readonly topic: string;
    readonly topics: number;
    readonly type: string | null;
    readonly unsure: readonly string[];
  }[];
}

/** From bold to careful. */
const CARE: readonly DraftCare[] = [
  { guessDevice: true, useTime: true, ignore: false },
  { guessDevice: false, useTime: true, ignore: false },
  { guessDevice: false, useTime: false, ignore: false },
  { guessDevice: false, useTime: false, ignore: true },
];
const EXAMPLES_PER_RULE = 2;
const EXAMPLE_BYTES = 4 * 1024;

/**
 * A first mapping of what was seen. A rule whose samples it would not map is drafted again, more carefully, until all
 * samples are mapped or ignored: what is written passes `mapping check`, its examples are the samples themselves.
 */
export function suggestMapping(source: string, seen: readonly SeenTopic[], siteZone: string): Suggestion {
  const shapes = topicShapes(seen);
  const care = shapes.map(() => 0);
  const known: KnownSchemas = new Map();
  for (;;) {
    const drafts = draftAll(source, shapes, care);
    const built = build(source, drafts, [], siteZone, known);
    const failing =
      typeof built === 'string'
        ? shapes.map((_, index) => index).filter((index) => care[index] === 0)
        : shapes.flatMap((shape, index) => (mapsAll(shape, built) ? [] : [index]));
    const improvable = failing.filter((index) => (care[index] as number) < CARE.length - 1);
    if (typeof built !== 'string' && improvable.length === 0)
      return suggestionOf(source, shapes, drafts, built, siteZone, known);
    // Patterns that are ambiguous although no level was guessed: a fault of ours.
    if (improvable.length === 0)
      throw new PipelineError('usage', `no mapping can be suggested: ${String(built)}`);
    for (const index of improvable) care[index] = (care[index] as number) + 1;
  }
}

function draftAll(source: string, shapes: readonly TopicShape[], care: readonly number[]): DraftedRule[] {
  const taken = new Set<string>();
  return shapes.map((shape, index) =>
    draftRule(shape, typeName(source, shape, taken), CARE[care[index] as number] as DraftCare),
  );
}

/** Called after the last level of the topics that is a word: `plant-data`, and `plant-data-2` for the next one. */
function typeName(source: string, { levels }: TopicShape, taken: Set<string>): string {
  const words = levels.filter((level) => level !== undefined && /[A-Za-z]/.test(level));
  const word = fieldName([words.at(-1) ?? 'readings'], new Set())
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  const base = `${source}-${word}`.slice(0, 60);
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  taken.add(name);
  return name;
}

function build(
  source: string,
  drafts: readonly DraftedRule[],
  examples: readonly unknown[],
  siteZone: string,
  known: KnownSchemas,
): Mappings | string {
  const schemas = new Map<string, ReadingSchema>();
  for (const { type } of drafts) {
    if (type === undefined) continue;
    const compiled = compiledOf(type, known);
    if (typeof compiled === 'string') return compiled;
    schemas.set(compiled.name, compiled);
  }
  const content = { source, rules: drafts.map(({ rule }) => rule), examples };
  const built = buildMappings([{ path: source, content }], schemas, siteZone);
  return 'problems' in built ? built.problems.join('; ') : built.mappings;
}

/** Compiling a schema takes longer than all the rest, and most drafts stay as they are: each is compiled once. */
type KnownSchemas = Map<string, ReadingSchema | string>;

function compiledOf(
  { name, schema }: NonNullable<DraftedRule['type']>,
  known: KnownSchemas,
): ReadingSchema | string {
  const key = JSON.stringify([name, schema]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const built = buildSchemaRegistry([{ path: name, type: name, version: '1', content: schema }]);
  const compiled = 'registry' in built ? built.registry.get(`${name}/1`) : built.problems.join('; ');
  const result = compiled ?? `${name} was not compiled`;
  known.set(key, result);
  return result;
}

function mapsAll({ topics }: TopicShape, mappings: Mappings): boolean {
  return topics.every(({ samples }) => samples.every((sample) => mappings.map(sample).rejects.length === 0));
}

function suggestionOf(
  source: string,
  shapes: readonly TopicShape[],
  drafts: readonly DraftedRule[],
  mappings: Mappings,
  siteZone: string,
  known: KnownSchemas,
): Suggestion {
  const examples = shapes.flatMap(({ topics }) =>
    topics
      .flatMap(({ samples }) => samples)
      .filter(({ payload }) => payload.length <= EXAMPLE_BYTES)
      .slice(0, EXAMPLES_PER_RULE)
      .flatMap((sample) => exampleOf(sample, mappings)),
  );
  // An example is a text: what does not come back from one is none.
  const problems = build(source, drafts, examples, siteZone, known);
  const unsound = new Set(
    typeof problems === 'string'
      ? [...problems.matchAll(/: \/examples\/(\d+): /g)].map((match) => Number(match[1]))
      : [],
  );
  const sound = examples.filter((_, index) => !unsound.has(index));
  return {
    mapping: {
      source,
      description:
        'Suggested from what was seen: look at every place that says UNSURE, here and in the schemas, before it is switched on.',
      rules: drafts.map(({ rule }) => rule),
      examples: sound,
    },
    schemas: drafts.flatMap(({ type }) =>
      type === undefined ? [] : [{ type: type.name, content: type.schema }],
    ),
    rules: drafts.map(({ rule, type, unsure }, index) => ({
      topic: String(rule['topic']),
      topics: shapes[index]?.topics.length ?? 0,
      type: type?.name ?? null,
      unsure,
    })),
  };
}

function exampleOf(sample: ForeignMessage, mappings: Mappings): unknown[] {
  const { readings, rejects, ignored } = mappings.map(sample);
  if (rejects.length > 0) return [];
  const { topic, client, receivedAt } = sample;
  const payload = Buffer.from(sample.payload).toString('utf8');
  const expect =
    ignored === undefined
      ? readings.map(({ device, reading }) => ({
          device,
          as: reading.schema,
          ts: reading.ts,
          values: reading.values,
        }))
      : 'ignore';
  return [{ topic, payload, client, receivedAt, expect }];
}
