import type { CompileContext } from './compile-context.ts';
import { type FilePlace, isObject } from './file-place.ts';
import { LIKE_LENGTH, likenessTo } from './is-like.ts';
import { compilePointer } from './json-pointer.ts';
import type { Scope } from './scope.ts';
import { compileSourceText } from './source-text.ts';
import { longWholeNumber } from './whole-number-digits.ts';

export type Condition = (scope: Scope) => boolean;
type Test = (value: unknown, scope: Scope) => boolean;

const TESTS = ['exists', 'has', 'not', 'type', 'like', 'same', 'least'] as const;
const TYPES = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const;

/**
 * Compiles `when`: every source must pass its test, which is a literal, a list of literals, `{"exists": bool}`,
 * `{"has": name or list}` (an object in which one of these members exists), `{"not": test}`, `{"type": name or list}`,
 * `{"like": pattern or list}`, `{"same": source}` or `{"least": number}`. What is `null` does not exist. Values are compared
 * as they are: the text "1" is not the number 1; but a whole number beyond 2^53 is kept as its digits, and passes as either. A list of such objects: one of them must hold.
 */
export function compileCondition(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
): Condition | undefined {
  if (spec === undefined) return () => true;
  if (!Array.isArray(spec)) return compileAll(spec, at, context);
  if (spec.length === 0) return at.fault('an empty list allows nothing');
  const alternatives = spec.map((one: unknown, index) => compileAll(one, at.at(index), context));
  return alternatives.every((one) => one !== undefined) ? anyOf(alternatives) : undefined;
}

function compileAll(spec: unknown, at: FilePlace, context: CompileContext): Condition | undefined {
  if (!isObject(spec)) return at.fault('must be an object of source: test');
  const cheap: Condition[] = [];
  const dear: Condition[] = [];
  for (const [text, expected] of Object.entries(spec)) {
    const source = compileSourceText(text, at.at(text), context);
    const test = compileTest(expected, at.at(text), context);
    if (source === undefined || test === undefined) continue;
    (looksAtText(expected) ? dear : cheap).push((scope) => test(source.read(scope), scope));
  }
  return allOf([...cheap, ...dear]);
}

/** Tests that look through a text are asked last: most elements are told apart by what they hold. */
function looksAtText(spec: unknown): boolean {
  return isObject(spec) && ('like' in spec || looksAtText(spec['not']));
}

// Nested, and no loop over a list: that would cost more than the tests, for each element of each message.
function allOf([first, ...others]: readonly Condition[]): Condition {
  if (first === undefined) return () => true;
  if (others.length === 0) return first;
  const rest = allOf(others);
  return (scope) => first(scope) && rest(scope);
}

function anyOf([first, ...others]: readonly Condition[]): Condition {
  if (first === undefined) return () => false;
  if (others.length === 0) return first;
  const rest = anyOf(others);
  return (scope) => first(scope) || rest(scope);
}

function compileTest(spec: unknown, at: FilePlace, context: CompileContext): Test | undefined {
  if (!isObject(spec)) {
    const allowed = Array.isArray(spec) ? spec : [spec];
    if (allowed.some((literal) => typeof literal === 'object' && literal !== null)) {
      return at.fault('must hold literals only');
    }
    if (allowed.length === 0) return at.fault('an empty list allows nothing');
    const literals = new Set<unknown>(allowed);
    if (
      !allowed.some((literal) => typeof literal === 'number' && Math.abs(literal) > Number.MAX_SAFE_INTEGER)
    )
      return (value) => literals.has(value);
    return (value) => literals.has(value) || literals.has(longWholeNumber(value));
  }
  const members = at.object(spec, TESTS);
  if (members === undefined) return undefined;
  if (Object.keys(spec).length !== 1) return at.fault(`must have exactly one of ${TESTS.join(', ')}`);
  if (!TESTS.some((name) => name in members)) return undefined;
  if ('not' in members) {
    const test = compileTest(members.not, at.at('not'), context);
    return test && ((value, scope) => !test(value, scope));
  }
  if ('same' in members) {
    if (typeof members.same !== 'string') return at.at('same').fault('must be a source');
    const other = compileSourceText(members.same, at.at('same'), context);
    return other && ((value, scope) => value === other.read(scope));
  }
  if ('least' in members) {
    const least = members.least;
    if (typeof least !== 'number') return at.at('least').fault('must be a number');
    return (value) => {
      const number = typeof value === 'number' ? value : longWholeNumber(value);
      return number !== undefined && number >= least;
    };
  }
  if ('like' in members) return compileLike(members.like, at.at('like'), context);
  if ('exists' in members) {
    const wanted = members.exists;
    if (typeof wanted !== 'boolean') return at.at('exists').fault('must be true or false');
    return (value) => exists(value) === wanted;
  }
  if ('has' in members) return compileHas(members.has, at.at('has'), context);
  return compileType(members.type, at.at('type'));
}

function exists(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function compileHas(spec: unknown, at: FilePlace, { looks }: CompileContext): Test | undefined {
  const names: readonly unknown[] = Array.isArray(spec) ? spec : [spec];
  if (names.length === 0 || !names.every((name) => typeof name === 'string'))
    return at.fault('must be the name of a member, or a list of those');
  looks.count += names.length;
  const members = names.map((name) => compilePointer([name]));
  return (value) => !Array.isArray(value) && members.some((member) => exists(member(value)));
}

function compileLike(spec: unknown, at: FilePlace, { looks }: CompileContext): Test | undefined {
  const patterns: readonly unknown[] = Array.isArray(spec) ? spec : [spec];
  if (patterns.length === 0 || !patterns.every((pattern) => typeof pattern === 'string')) {
    return at.fault(
      'must be a text in which * stands for any text and ? for one character, or a list of those',
    );
  }
  if (patterns.some((pattern) => pattern.length > LIKE_LENGTH))
    return at.fault(`must be at most ${LIKE_LENGTH} characters`);
  // Most are whole names: looked up, and not compared letter by letter for each element of each message.
  const names = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)));
  const wild = patterns.filter((pattern) => !names.has(pattern)).map(likenessTo);
  looks.count += wild.length;
  return (value) => typeof value === 'string' && (names.has(value) || wild.some((isLike) => isLike(value)));
}

function compileType(spec: unknown, at: FilePlace): Test | undefined {
  const wanted = new Set<unknown>(Array.isArray(spec) ? spec : [spec]);
  for (const name of wanted) {
    if (!(TYPES as readonly unknown[]).includes(name)) return at.fault(`must be of ${TYPES.join(', ')}`);
  }
  if (!wanted.has('number')) return (value) => wanted.has(typeOf(value));
  return (value) => wanted.has(typeOf(value)) || longWholeNumber(value) !== undefined;
}

function typeOf(value: unknown): (typeof TYPES)[number] | undefined {
  if (value === undefined) return undefined;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as (typeof TYPES)[number];
}
