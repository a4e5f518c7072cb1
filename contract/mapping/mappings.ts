import { telemetryTopic } from '#contract/device-topic.ts';
import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { checkMeasurements } from './check-measurements.ts';
import { Zones } from './compile-context.ts';
import type { MappingRule } from './compile-rule.ts';
import { tryExamples } from './example-check.ts';
import type { ForeignMessage } from './foreign-message.ts';
import { mapByRule, type RuleOutcome } from './map-message.ts';
import { type CompiledMappingFile, compileMappingFile, type MappingFile } from './mapping-file.ts';
import { areAmbiguous, mayTakeFrom, TopicIndex } from './topic-index.ts';
import { parseTopicPattern, type TopicPattern } from './topic-pattern.ts';

/** What became of a foreign message, and by which rule. */
export interface MappedMessage extends RuleOutcome {
  /** Missing when no rule knows the topic. */
  readonly rule?: { readonly source: string; readonly topic: string };
}

const NATIVE = parseTopicPattern(telemetryTopic('{device}')) as TopicPattern;

/** All mapping files that are switched on, compiled. Immutable: a changed file makes another one. */
export class Mappings {
  readonly rules: readonly MappingRule[];
  /** Names of the sources, each once. */
  readonly sources: readonly string[];
  readonly #index: TopicIndex<MappingRule>;
  /** Of the messages that are mapped, and of the records that their readings become. */
  readonly limits: MessageLimits;

  constructor(rules: readonly MappingRule[], limits: MessageLimits = LIMITS) {
    this.limits = limits;
    this.rules = rules;
    this.sources = [...new Set(rules.map(({ source }) => source))];
    this.#index = new TopicIndex(rules);
  }

  /**
   * Readings, rejects, or why the message is ignored. Pure.
   *
   * @param judgedAt the clock that the readings' times are judged by.
   */
  map(message: ForeignMessage, judgedAt: number = message.receivedAt): MappedMessage {
    return this.#map(message, judgedAt);
  }

  /** The same for examples, which grow old: their times are not judged. */
  mapUnjudged(message: ForeignMessage): MappedMessage {
    return this.#map(message, undefined);
  }

  #map(message: ForeignMessage, judgedAt: number | undefined): MappedMessage {
    const found = this.#index.find(message.topic);
    if (found === undefined) return UNMAPPED;
    const { rule, captures } = found;
    const outcome = mapByRule(rule, captures, message, judgedAt, this.limits);
    return { ...outcome, rule: { source: rule.source, topic: rule.pattern.text } };
  }

  /** Whether a rule knows the topic, whatever it makes of the message. */
  knows(topic: string): boolean {
    return this.#index.find(topic) !== undefined;
  }
}

const UNMAPPED: MappedMessage = {
  readings: [],
  rejects: [{ reason: 'unmapped-topic', detail: { message: 'no mapping has a rule for this topic' } }],
  ignored: undefined,
  skippedNames: 0,
  visited: 0,
};

/**
 * Compiles mapping files, or says everything that is wrong with them, one line each with file, place and rule:
 * also patterns of which it is not clear whose a topic is, and examples that do not give what they say.
 *
 * @param siteZone the time zone that `"zone": "site"` stands for.
 */
export function buildMappings(
  files: readonly MappingFile[],
  schemas: SchemaRegistry,
  siteZone: string,
  limits: MessageLimits = LIMITS,
):
  | { readonly mappings: Mappings; readonly files: readonly CompiledMappingFile[] }
  | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const zones = new Zones(siteZone);
  const compiled = files.map((file) => compileMappingFile(file, schemas, zones, problems));
  const rules = compiled.flatMap((file) => file.rules);
  checkNames(compiled, files, problems);
  checkPatterns(rules);
  checkMeasurements(rules, schemas);
  const mappings = new Mappings(rules, limits);
  // Tried only when all is sound: an example of a faulty rule would tell the same fault twice. By the rules of its own file:
  // a more literal one of another file may have the example's topic, as an operator's may that of a shipped one.
  if (problems.length === 0)
    for (const file of compiled) tryExamples(file.examples, new Mappings(file.rules, limits));
  return problems.length > 0 ? { problems } : { mappings, files: compiled };
}

function checkNames(
  compiled: readonly CompiledMappingFile[],
  files: readonly MappingFile[],
  problems: string[],
): void {
  for (const [index, { source }] of compiled.entries()) {
    const first = compiled.findIndex((other) => other.source === source);
    if (first < index)
      problems.push(`${files[index]?.path}: /source: ${files[first]?.path} is called ${source}, too`);
  }
}

/** Two rules that swallow the same topic agree: discovery topics are in several files, since several kinds of devices send them. */
function checkPatterns(rules: readonly MappingRule[]): void {
  for (const [index, { pattern, at, ignore }] of rules.entries()) {
    if (mayTakeFrom(pattern, NATIVE)) {
      at.at('topic').fault(`takes topics of the pipeline's own devices (${NATIVE.text})`);
    }
    for (const other of rules.slice(0, index)) {
      if (ignore.has('topic') && other.ignore.has('topic')) continue;
      if (!areAmbiguous(pattern, other.pattern)) continue;
      at.at('topic').fault(
        `it is not clear which topics are for this rule and which for ${other.source}: ${other.pattern.text}`,
      );
    }
  }
}
