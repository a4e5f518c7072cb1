import { LIMITS } from '#contract/limits.ts';

/**
 * One level of a topic pattern. `rank` says how literal it is: of two patterns that match a topic, the one with the
 * lower rank at the first level where they differ wins.
 */
export interface PatternLevel {
  /** `part` is text around captures; `rest` is `{name...}`, one or more levels; `tail` is a final `#`. */
  readonly kind: 'literal' | 'part' | 'one' | 'rest' | 'tail';
  readonly rank: number;
  readonly text: string;
  /** Literal texts of a `part`: before, between and after its captures. */
  readonly pieces: readonly string[];
}

export interface TopicPattern {
  readonly text: string;
  readonly levels: readonly PatternLevel[];
  /** Names of the captures, in the order in which `matchTopic` returns their texts. */
  readonly captures: readonly string[];
  /** Position of the `rest` level, or -1. */
  readonly rest: number;
  readonly tail: boolean;
}

const RANKS = { literal: 0, part: 10_000, one: 20_000, rest: 30_000, tail: 40_000 } as const;
const CAPTURE = /\{([^{}]*)\}/g;
const CAPTURE_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Names that mean something else in a source. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['key', 'count', 'client']);

/** Reads a pattern, or says what is wrong with it. */
export function parseTopicPattern(text: string): TopicPattern | { readonly problem: string } {
  const parts = text.split('/');
  if (text === '') return { problem: 'the topic is empty' };
  if (parts.length > LIMITS.topicDepth) return { problem: `has more than ${LIMITS.topicDepth} levels` };
  const captures: string[] = [];
  const levels: PatternLevel[] = [];
  for (const [index, part] of parts.entries()) {
    const level = parseLevel(part, captures);
    if ('problem' in level) return { problem: `level ${index + 1} (${part}): ${level.problem}` };
    if (level.kind === 'tail' && index < parts.length - 1) return { problem: '# stands at the end only' };
    levels.push(level);
  }
  const rests = levels.filter(({ kind }) => kind === 'rest').length;
  const tail = levels.at(-1)?.kind === 'tail';
  if (rests > 1) return { problem: 'only one {name...} is possible, else it is not clear which takes what' };
  if (rests === 1 && tail) return { problem: '{name...} and # together: it is not clear which takes what' };
  const twice = captures.find((name, index) => captures.indexOf(name) !== index);
  if (twice !== undefined) return { problem: `{${twice}} stands twice` };
  return { text, levels, captures, rest: levels.findIndex(({ kind }) => kind === 'rest'), tail };
}

function parseLevel(part: string, captures: string[]): PatternLevel | { readonly problem: string } {
  if (part === '#') return { kind: 'tail', rank: RANKS.tail, text: '', pieces: [] };
  if (part === '+') return { kind: 'one', rank: RANKS.one, text: '', pieces: [] };
  if (/[#+]/.test(part)) return { problem: '+ and # stand for whole levels' };
  const names = [...part.matchAll(CAPTURE)].map((match) => match[1] as string);
  const pieces = part.split(/\{[^{}]*\}/);
  if (pieces.some((piece) => /[{}]/.test(piece))) return { problem: 'a brace without its other half' };
  if (names.length === 0) return { kind: 'literal', rank: RANKS.literal, text: part, pieces: [] };
  const rest = names.length === 1 && part === `{${names[0]}}` && part.endsWith('...}');
  for (const raw of names) {
    const name = rest ? raw.slice(0, -3) : raw;
    if (!CAPTURE_NAME.test(name)) return { problem: `{${raw}} is no name (letters, digits, _)` };
    if (RESERVED_NAMES.has(name))
      return { problem: `{${name}} has a meaning of its own; choose another name` };
    captures.push(name);
  }
  if (rest) return { kind: 'rest', rank: RANKS.rest, text: '', pieces: [] };
  if (part === `{${names[0]}}`) return { kind: 'one', rank: RANKS.one, text: 'captured', pieces: [] };
  if (pieces.slice(1, -1).includes('')) return { problem: 'two captures need a text between them' };
  const literal = pieces.join('').length;
  return { kind: 'part', rank: RANKS.part - literal, text: '', pieces };
}

/** The texts of the captures if the pattern matches a topic of these levels, else `undefined`. */
export function matchTopic(pattern: TopicPattern, topic: readonly string[]): string[] | undefined {
  const spread = spreadOf(pattern, topic.length);
  if (spread < 0) return undefined;
  const captures: string[] = [];
  for (let level = 0, at = 0; level < pattern.levels.length; level++) {
    const { kind, text, pieces } = pattern.levels[level] as PatternLevel;
    if (kind === 'tail') return captures;
    const taken = kind === 'rest' ? spread : 1;
    const found = topic[at] as string;
    if (kind === 'literal' && found !== text) return undefined;
    if (kind === 'one' && text !== '') captures.push(found);
    if (kind === 'rest') captures.push(topic.slice(at, at + taken).join('/'));
    if (kind === 'part' && !matchPart(pieces, found, captures)) return undefined;
    at += taken;
  }
  return captures;
}

/**
 * How many levels the `rest` of the pattern (or 1, if it has none) takes of a topic with so many levels; -1 = the
 * pattern cannot match so many.
 */
export function spreadOf({ levels, rest, tail }: TopicPattern, depth: number): number {
  if (rest >= 0) return depth - levels.length + 1 >= 1 ? depth - levels.length + 1 : -1;
  if (tail) return depth >= levels.length - 1 ? 1 : -1;
  return depth === levels.length ? 1 : -1;
}

/** Each capture takes the shortest text that is not empty; linear, since nothing is tried twice. */
function matchPart(pieces: readonly string[], text: string, captures: string[]): boolean {
  const last = pieces.at(-1) as string;
  const end = text.length - last.length;
  if (!text.startsWith(pieces[0] as string) || !text.endsWith(last)) return false;
  let from = (pieces[0] as string).length;
  for (const piece of pieces.slice(1, -1)) {
    const to = text.indexOf(piece, from + 1);
    if (to < 0 || to + piece.length > end) return false;
    captures.push(text.slice(from, to));
    from = to + piece.length;
  }
  if (from >= end) return false;
  captures.push(text.slice(from, end));
  return true;
}
