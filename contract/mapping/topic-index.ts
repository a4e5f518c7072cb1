import { LIMITS } from '#contract/limits.ts';
import { matchTopic, type PatternLevel, spreadOf, type TopicPattern } from './topic-pattern.ts';

/** A pattern with what belongs to it. */
export interface IndexedRule {
  readonly pattern: TopicPattern;
}

export interface TopicMatch<Rule> {
  readonly rule: Rule;
  readonly captures: readonly string[];
}

/** Topics whose rule is remembered: more than most sites have, and a bound for topics that never come again. */
const REMEMBERED_TOPICS = 10_000;
const REMEMBERED_LENGTH = 256;

/**
 * Finds the rule of a topic: of all that match, the most literal one, level by level from the left.
 *
 * Rules are kept by the literal first level of their pattern, and what was found for a topic is remembered, since the
 * same devices publish to the same topics again and again. The memory is emptied when it is full: a client that
 * invents topics makes others slower, not the gateway larger.
 */
export class TopicIndex<Rule extends IndexedRule> {
  readonly #byFirstLevel = new Map<string, Rule[]>();
  readonly #others: Rule[] = [];
  readonly #remembered = new Map<string, TopicMatch<Rule> | undefined>();

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const first = rule.pattern.levels[0] as PatternLevel;
      if (first.kind !== 'literal') this.#others.push(rule);
      else {
        const known = this.#byFirstLevel.get(first.text);
        if (known === undefined) this.#byFirstLevel.set(first.text, [rule]);
        else known.push(rule);
      }
    }
  }

  find(topic: string): TopicMatch<Rule> | undefined {
    const known = this.#remembered.get(topic);
    if (known !== undefined || this.#remembered.has(topic)) return known;
    const found = this.#search(topic.split('/'));
    if (topic.length <= REMEMBERED_LENGTH) {
      if (this.#remembered.size >= REMEMBERED_TOPICS) this.#remembered.clear();
      this.#remembered.set(topic, found);
    }
    return found;
  }

  #search(topic: readonly string[]): TopicMatch<Rule> | undefined {
    let best: TopicMatch<Rule> | undefined;
    for (const rules of [this.#byFirstLevel.get(topic[0] as string) ?? [], this.#others]) {
      for (const rule of rules) {
        // MQTT 4.7.2-1: a wildcard at the beginning does not match topics that begin with $.
        if (rules === this.#others && topic[0]?.startsWith('$')) continue;
        const captures = matchTopic(rule.pattern, topic);
        if (captures === undefined) continue;
        if (best === undefined || compareLiterality(rule.pattern, best.rule.pattern, topic.length) < 0) {
          best = { rule, captures };
        }
      }
    }
    return best;
  }
}

/** Below 0: `a` is the more literal one for topics of this depth. Both must match it. */
function compareLiterality(a: TopicPattern, b: TopicPattern, depth: number): number {
  for (let at = 0; at < depth; at++) {
    const difference = levelAt(a, at, depth).rank - levelAt(b, at, depth).rank;
    if (difference !== 0) return difference;
  }
  // An exact end beats a # that matched nothing.
  return Number(a.tail) - Number(b.tail);
}

/** The level of the pattern that takes the topic's level `at`. */
function levelAt(pattern: TopicPattern, at: number, depth: number): PatternLevel {
  const { levels, rest } = pattern;
  if (rest < 0 || at < rest) return levels[Math.min(at, levels.length - 1)] as PatternLevel;
  const spread = spreadOf(pattern, depth);
  return levels[at < rest + spread ? rest : at - spread + 1] as PatternLevel;
}

/** Whether some topic is matched by both patterns, and neither is the more literal one. */
export function areAmbiguous(a: TopicPattern, b: TopicPattern): boolean {
  return someDepth(a, b, (depth) => compareLiterality(a, b, depth) === 0);
}

/** Whether some topic is matched by both, and `a` is at least as literal there. */
export function mayTakeFrom(a: TopicPattern, b: TopicPattern): boolean {
  return someDepth(a, b, (depth) => compareLiterality(a, b, depth) <= 0);
}

function someDepth(a: TopicPattern, b: TopicPattern, holds: (depth: number) => boolean): boolean {
  for (let depth = 1; depth <= LIMITS.topicDepth; depth++) {
    if (spreadOf(a, depth) < 0 || spreadOf(b, depth) < 0) continue;
    let overlap = true;
    for (let at = 0; at < depth && overlap; at++) {
      overlap = mayOverlap(levelAt(a, at, depth), levelAt(b, at, depth));
    }
    if (overlap && holds(depth)) return true;
  }
  return false;
}

function mayOverlap(a: PatternLevel, b: PatternLevel): boolean {
  if (a.kind === 'literal' && b.kind === 'literal') return a.text === b.text;
  if (a.kind === 'part' && b.kind === 'literal') return partMatches(a, b.text);
  if (a.kind === 'literal' && b.kind === 'part') return partMatches(b, a.text);
  if (a.kind !== 'part' || b.kind !== 'part') return true;
  const [startA, startB] = [a.pieces[0] as string, b.pieces[0] as string];
  const [endA, endB] = [a.pieces.at(-1) as string, b.pieces.at(-1) as string];
  return (
    (startA.startsWith(startB) || startB.startsWith(startA)) && (endA.endsWith(endB) || endB.endsWith(endA))
  );
}

function partMatches(part: PatternLevel, text: string): boolean {
  const pattern = { text: '', levels: [part], captures: [], rest: -1, tail: false };
  return matchTopic(pattern, [text]) !== undefined;
}
