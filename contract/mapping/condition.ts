import type { CompileContext } from './compile-context.ts';
import { type FilePlace, isObject } from './file-place.ts';
import type { Scope } from './scope.ts';
import { compileSourceText } from './source-text.ts';

export type Condition = (scope: Scope) => boolean;
type Test = (value: unknown) => boolean;

const TYPES = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const;

/**
 * Compiles `when`: every source must pass its test, which is a literal, a list of literals, `{"exists": bool}`,
 * `{"not": test}` or `{"type": name or list}`. What is `null` does not exist. Values are compared as they are: the
 * text "1" is not the number 1.
 */
export function compileCondition(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
): Condition | undefined {
  if (spec === undefined) return () => true;
  if (!isObject(spec)) return at.fault('must be an object of source: test');
  const conditions: Condition[] = [];
  for (const [text, expected] of Object.entries(spec)) {
    const source = compileSourceText(text, at.at(text), context);
    const test = compileTest(expected, at.at(text));
    if (source !== undefined && test !== undefined) conditions.push((scope) => test(source.read(scope)));
  }
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  return (scope) => conditions.every((condition) => condition(scope));
}

function compileTest(spec: unknown, at: FilePlace): Test | undefined {
  if (!isObject(spec)) {
    const allowed = Array.isArray(spec) ? spec : [spec];
    if (allowed.some((literal) => typeof literal === 'object' && literal !== null)) {
      return at.fault('must hold literals only');
    }
    if (allowed.length === 0) return at.fault('an empty list allows nothing');
    const literals = new Set<unknown>(allowed);
    return (value) => literals.has(value);
  }
  const members = at.object(spec, ['exists', 'not', 'type']);
  if (members === undefined) return undefined;
  if (Object.keys(spec).length !== 1) return at.fault('must have exactly one of exists, not, type');
  if (!('not' in members || 'exists' in members || 'type' in members)) return undefined;
  if ('not' in members) {
    const test = compileTest(members.not, at.at('not'));
    return test && ((value) => !test(value));
  }
  if ('exists' in members) {
    const wanted = members.exists;
    if (typeof wanted !== 'boolean') return at.at('exists').fault('must be true or false');
    return (value) => (value !== undefined && value !== null) === wanted;
  }
  return compileType(members.type, at.at('type'));
}

function compileType(spec: unknown, at: FilePlace): Test | undefined {
  const wanted = new Set<unknown>(Array.isArray(spec) ? spec : [spec]);
  for (const name of wanted) {
    if (!(TYPES as readonly unknown[]).includes(name)) return at.fault(`must be of ${TYPES.join(', ')}`);
  }
  return (value) => wanted.has(typeOf(value));
}

function typeOf(value: unknown): (typeof TYPES)[number] | undefined {
  if (value === undefined) return undefined;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as (typeof TYPES)[number];
}
