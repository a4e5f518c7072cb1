import { ARITHMETIC_MEMBERS, compileArithmetic } from './arithmetic.ts';
import { hasNoState, isAbsent } from './coerce-value.ts';
import type { CompileContext } from './compile-context.ts';
import { compileCondition } from './condition.ts';
import { type FilePlace, isObject } from './file-place.ts';
import { compileJoin } from './join.ts';
import { type Scope, type Source, Unfit } from './scope.ts';
import { compileSourceText } from './source-text.ts';

/** Steps between what is found and what is used, in the order in which they are applied. */
export const STEP_MEMBERS = ['split', 'index', 'map', ...ARITHMETIC_MEMBERS] as const;
const MEMBERS = ['at', 'first', 'join', 'with', 'const', 'when', ...STEP_MEMBERS] as const;
const FOUND = ['at', 'first', 'join'] as const;
export type SourceSpec = Readonly<Partial<Record<(typeof MEMBERS)[number], unknown>>>;

/** A text that is longer is not split: with "^" the same one could be split for each of thousands of elements. */
const SPLIT_LENGTH = 1_024;
/** Each of them is looked at for each element. */
export const FIRST_OF = 16;
const TOO_LONG = new Unfit(`must be at most ${SPLIT_LENGTH} characters to be split`);
/** Of an element of a list, as text. */
const POSITION = /^-?\d+$/;
const NO_TEXT = new Unfit('must be a text to be split');
const NO_CONTAINER = new Unfit('must be a list or an object to be looked into');
const NOT_ONE_VALUE = new Unfit('must be one value, and is an object or a list');
const NOT_IN_MAP = new Unfit('is not in the "map" of the mapping');

/**
 * Compiles a source: a text (`compileSourceText`), `{"const": x}`, or `{"at": source, …}`, `{"first": [source…], …}`,
 * `{"join": [source…], "with": …, …}`, whose steps are applied in this order: split and index, map, decimal, times, over, plus,
 * round. Another order is had by a source in a source. With `when` there is a value only while the condition holds: what
 * else it may mean stands next in a `first`.
 */
export function compileSource(spec: unknown, at: FilePlace, context: CompileContext): Source | undefined {
  if (typeof spec === 'string') return compileSourceText(spec, at, context);
  const members = at.object(spec, MEMBERS);
  return members && compileSourceObject(members, at, context);
}

/** The same for an object whose other members were taken out of it already. */
export function compileSourceObject(
  members: SourceSpec,
  at: FilePlace,
  context: CompileContext,
): Source | undefined {
  if ('const' in members) {
    const value = members.const;
    if (Object.keys(members).length > 1) return at.fault('"const" stands alone');
    if (value === null || typeof value === 'object')
      return at.at('const').fault('must be a text, a number or a boolean');
    return { read: () => value, place: () => undefined };
  }
  const source = compileFound(members, at, context);
  return source && onlyWhen(withSteps(source, members, at, context), members.when, at.at('when'), context);
}

/** What the steps begin with. */
function compileFound(members: SourceSpec, at: FilePlace, context: CompileContext): Source | undefined {
  const found = FOUND.filter((name) => name in members);
  if (found.length !== 1)
    return at.fault(`must have ${found.length === 0 ? '' : 'only one of '}"at", "first", "join" or "const"`);
  if ('with' in members && !('join' in members)) return at.at('with').fault('stands beside "join" only');
  if ('first' in members) return compileFirst(members.first, at.at('first'), context);
  if ('join' in members)
    return compileJoin(members, at, (part, place) => compileSource(part, place, context));
  return compileSource(members.at, at.at('at'), context);
}

/** The source, which has a value only while `when` holds. */
export function onlyWhen(
  source: Source,
  when: unknown,
  at: FilePlace,
  context: CompileContext,
): Source | undefined {
  if (when === undefined) return source;
  const holds = compileCondition(when, at, context);
  return holds && { read: (scope) => (holds(scope) ? source.read(scope) : undefined), place: source.place };
}

/** A list of sources; what the first of them finds that has a value. */
function compileFirst(spec: unknown, at: FilePlace, context: CompileContext): Source | undefined {
  if (!Array.isArray(spec) || spec.length < 2 || spec.length > FIRST_OF)
    return at.fault(`must be a list of 2 to ${FIRST_OF} sources`);
  const sources = spec.map((one: unknown, index) => compileSource(one, at.at(index), context));
  return sources.every((source) => source !== undefined) ? firstOf(sources) : undefined;
}

/**
 * What the first of the sources finds that has a value, or cannot be used. An object or a list is passed over, as the
 * next source may look into it; where none does, it cannot be used either: a value that changed its shape is told.
 */
export function firstOf(sources: readonly Source[]): Source {
  const read = (scope: Scope): unknown => {
    let found: unknown;
    for (const source of sources) {
      const value = source.read(scope);
      if (isAbsent(value)) continue;
      if (isOneValue(value)) return value;
      found = NOT_ONE_VALUE;
    }
    return found;
  };
  // Asked on the failure path alone, so `read` does not have to remember which one it was.
  const place = (scope: Scope): string | undefined => {
    const having = sources.filter((source) => !isAbsent(source.read(scope)));
    const meant = having.find((source) => isOneValue(source.read(scope))) ?? having[0] ?? sources[0];
    return meant?.place(scope);
  };
  return { read, place };
}

function isOneValue(value: unknown): boolean {
  return typeof value !== 'object' || value instanceof Unfit;
}

/** The source, and on what it finds the steps that `members` holds. */
export function withSteps(
  source: Source,
  members: SourceSpec,
  at: FilePlace,
  context: CompileContext,
): Source {
  const steps = [
    splitStep(members, at, context),
    mapStep(members.map, at.at('map')),
    compileArithmetic(members, at, context, compileSource),
  ];
  let { read } = source;
  for (const step of steps) {
    if (step === undefined) continue;
    const before = read;
    read = (scope) => {
      const value = before(scope);
      return value === undefined || value instanceof Unfit ? value : step(value, scope);
    };
  }
  return { read, place: source.place };
}

type Step = (value: unknown, scope: Scope) => unknown;

/** Parts of a text, and one of them by its position; or a member of a list or an object by its position or name. */
function splitStep(members: SourceSpec, at: FilePlace, context: CompileContext): Step | undefined {
  const { split, index } = members;
  if (split !== undefined && (typeof split !== 'string' || split === ''))
    return at.at('split').fault('must be a text that is not empty');
  if (index === undefined) return split === undefined ? undefined : partsOf(split);
  const position = compilePosition(index, at.at('index'), context);
  if (position === undefined) return undefined;
  const toContainer = split === undefined ? asContainer : partsOf(split);
  return (value, scope) => {
    const container = toContainer(value);
    if (container === undefined || container instanceof Unfit) return container;
    const wanted = position.read(scope);
    return wanted instanceof Unfit ? wanted : memberOf(container, wanted);
  };
}

function compilePosition(spec: unknown, at: FilePlace, context: CompileContext): Source | undefined {
  if (Number.isSafeInteger(spec)) return { read: () => spec, place: () => undefined };
  if (typeof spec !== 'string' && !isObject(spec))
    return at.fault('must be a whole number, or a source of a position or name; -1 is the last one');
  return compileSource(spec, at, context);
}

function partsOf(separator: string): (value: unknown) => readonly string[] | undefined | Unfit {
  return (value) => {
    if (value === null) return undefined;
    if (typeof value !== 'string') return NO_TEXT;
    return value.length > SPLIT_LENGTH ? TOO_LONG : value.split(separator);
  };
}

function asContainer(value: unknown): object | undefined | Unfit {
  return value === null ? undefined : typeof value === 'object' ? value : NO_CONTAINER;
}

/** Own members only; nothing for a position that is none. */
function memberOf(container: object, position: unknown): unknown {
  if (position === '' || (typeof position !== 'string' && typeof position !== 'number')) return undefined;
  if (Array.isArray(container))
    return POSITION.test(String(position)) ? (container.at(Number(position)) as unknown) : undefined;
  return Object.hasOwn(container, position) ? (container as Record<string, unknown>)[position] : undefined;
}

function mapStep(map: unknown, at: FilePlace): Step | undefined {
  if (map === undefined) return undefined;
  if (!isObject(map) || Object.keys(map).length === 0) return at.fault('must be an object of value: meaning');
  const table = new Map<string, unknown>();
  for (const [word, meaning] of Object.entries(map)) {
    if (typeof meaning === 'object' && meaning !== null) {
      at.at(word).fault('must be a text, a number, a boolean, or null (no value)');
    }
    table.set(word, meaning ?? undefined);
  }
  return (value) => {
    if (typeof value === 'object' && value !== null) return NOT_IN_MAP;
    const word = String(value);
    if (table.has(word)) return table.get(word);
    return hasNoState(value) ? undefined : NOT_IN_MAP;
  };
}
