import { LIMITS } from '#contract/limits.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { CompileContext, Zones } from './compile-context.ts';
import { type CompiledReading, compileReading, READING_MEMBERS } from './compile-reading.ts';
import { type Condition, compileCondition } from './condition.ts';
import { type FilePlace, isObject } from './file-place.ts';
import { compilePayload, type Decode } from './payload-kind.ts';
import { parseTopicPattern, type TopicPattern } from './topic-pattern.ts';

/** One rule of a mapping file, compiled. */
export interface MappingRule {
  /** Name of the mapping file's source. */
  readonly source: string;
  readonly pattern: TopicPattern;
  /** What is swallowed without a dead letter; `topic` is everything. */
  readonly ignore: ReadonlySet<IgnoreCause>;
  /** Of `empty`: only a message that is so. */
  readonly emptyWhen: Condition;
  readonly decode: Decode;
  readonly readings: readonly CompiledReading[];
  /** For messages about the rule as a whole. */
  readonly at: FilePlace;
}

/** Why a message was swallowed: its topic, no bytes, nothing mapped in it, the retain flag. */
export type IgnoreCause = 'topic' | 'blank' | 'empty' | 'retained';

const RULE_MEMBERS = [
  'topic',
  'note',
  'ignore',
  'blank',
  'empty',
  'retained',
  'payload',
  'unwrap',
  'readings',
] as const;

/** Compiles a rule, which may stand for several topics; everything that is wrong with it is reported at `at`. */
export function compileRules(
  spec: unknown,
  at: FilePlace,
  source: string,
  schemas: SchemaRegistry,
  zones: Zones,
): readonly MappingRule[] {
  const topics =
    isObject(spec) && Array.isArray(spec['topic']) ? (spec['topic'] as readonly unknown[]) : undefined;
  if (topics?.length === 0) at.at('topic').fault('must be a topic pattern, or a list of those');
  const rules: MappingRule[] = [];
  const before = at.faults;
  for (const topic of topics ?? [undefined]) {
    const one = topics === undefined ? spec : { ...(spec as object), topic };
    const rule = compileRule(one, at, source, schemas, zones);
    if (rule !== undefined) rules.push(rule);
    // What is wrong with one topic's rule is wrong with all of them.
    if (at.faults > before) break;
  }
  return rules;
}

function compileRule(
  spec: unknown,
  at: FilePlace,
  source: string,
  schemas: SchemaRegistry,
  zones: Zones,
): MappingRule | undefined {
  const members = at.object(spec, [...RULE_MEMBERS, ...READING_MEMBERS]);
  if (members === undefined) return undefined;
  if (typeof members.topic !== 'string') return at.at('topic').fault('must be a topic pattern');
  const place = at.inRule(members.topic);
  const pattern = parseTopicPattern(members.topic);
  if ('problem' in pattern) return place.at('topic').fault(pattern.problem);
  if (members.note !== undefined && typeof members.note !== 'string')
    place.at('note').fault('must be a text');
  const ignore = compileIgnore(members, place);
  const payload = compilePayload(members.payload, members.unwrap, place);
  const context = {
    captures: pattern.captures,
    levels: [],
    counted: new Set<number>(),
    looks: { count: 0 },
    mayLookUp: true,
    zones,
  };
  const readings = ignore.has('topic')
    ? nothingElse(members, place)
    : readingsOf(members, place, context, schemas);
  const emptyWhen = compileEmpty(members.empty, place.at('empty'), context);
  if (context.looks.count > LIMITS.mappingLooks)
    place.fault(
      `looks at ${context.looks.count} places and patterns: must be at most ${LIMITS.mappingLooks}, as each may be looked at for each element`,
    );
  if (payload === undefined || readings === undefined || emptyWhen === undefined) return undefined;
  return {
    source,
    pattern,
    ignore,
    emptyWhen,
    decode: payload.decode,
    readings,
    at: place,
  };
}

function compileIgnore(
  members: Readonly<Partial<Record<'ignore' | Exclude<IgnoreCause, 'topic'>, unknown>>>,
  at: FilePlace,
): Set<IgnoreCause> {
  const causes = new Set<IgnoreCause>();
  if (members.ignore === true) causes.add('topic');
  else if (members.ignore !== undefined) at.at('ignore').fault('must be true, or be left out');
  for (const cause of ['blank', 'retained'] as const) {
    if (members[cause] === 'ignore') causes.add(cause);
    else if (members[cause] !== undefined) at.at(cause).fault('must be "ignore", or be left out');
  }
  if (members.empty !== undefined) causes.add('empty');
  return causes;
}

/** `empty`: `"ignore"`, or `{"ignore": …}` with what `when` may say about the message. */
function compileEmpty(spec: unknown, at: FilePlace, context: CompileContext): Condition | undefined {
  if (spec === undefined || spec === 'ignore') return () => true;
  if (!isObject(spec) || !('ignore' in spec))
    return at.fault('must be "ignore", {"ignore": …} with a condition, or be left out');
  return compileCondition(at.object(spec, ['ignore'])?.ignore, at.at('ignore'), context);
}

function nothingElse(members: Readonly<Record<string, unknown>>, at: FilePlace): readonly CompiledReading[] {
  const others = Object.keys(members).filter((key) => key !== 'topic' && key !== 'ignore' && key !== 'note');
  if (others.length > 0)
    at.fault(`"ignore": true swallows everything, so ${others.join(', ')} would mean nothing`);
  return [];
}

function readingsOf(
  members: Readonly<Record<string, unknown>>,
  at: FilePlace,
  context: CompileContext,
  schemas: SchemaRegistry,
): readonly CompiledReading[] | undefined {
  const inline = READING_MEMBERS.filter((key) => key in members);
  if (!('readings' in members)) {
    if (inline.length === 0) return at.fault('must have a reading, "readings" or "ignore": true');
    const reading = compileReading(members, at, context, schemas);
    return reading && [reading];
  }
  if (inline.length > 0) at.fault(`has "readings", so ${inline.join(', ')} must stand in one of them`);
  const specs = members['readings'];
  if (!Array.isArray(specs) || specs.length === 0)
    return at.at('readings').fault('must be a list that is not empty');
  if (specs.length > LIMITS.mappingReadings) {
    return at
      .at('readings')
      .fault(`must be at most ${LIMITS.mappingReadings}: each looks through the whole message`);
  }
  const readings = specs.map((spec: unknown, index) => {
    const place = at.at('readings').at(index);
    const reading = place.object(spec, READING_MEMBERS);
    return reading && compileReading(reading, place, context, schemas);
  });
  return readings.every((reading) => reading !== undefined) ? readings : undefined;
}
