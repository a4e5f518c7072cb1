import { type CompileContext, placeOfElement } from './compile-context.ts';
import type { FilePlace } from './file-place.ts';
import { compilePointer, pointerTokens } from './json-pointer.ts';
import type { Source } from './scope.ts';

const NAME = /^\{(\^*)([^{}^]+)\}$/;
const COUNT = 'count';
const ELEMENT = /^(\^*)(|\/.*)$/s;

/** Whether a text has the form of a source; other text is a constant where constants are allowed. */
export function isSourceText(text: string): boolean {
  return ELEMENT.test(text) || NAME.test(text);
}

/** A source that is written as text: `/a/b`, the empty text, `^/a`, `{capture}`, `{key}`, `{^key}`, `{count}`, `{client}`, `{topic}`. */
export function compileSourceText(text: string, at: FilePlace, context: CompileContext): Source | undefined {
  context.looks.count++;
  const name = NAME.exec(text);
  if (name !== null) return compileName(name[1]?.length ?? 0, name[2] as string, at, context);
  const element = ELEMENT.exec(text);
  if (element === null) {
    return at.fault(
      `${JSON.stringify(text)} is no source: a JSON Pointer ("/a/b", "" the element, "^/a" one level up), ` +
        '"{capture}", "{key}" or "{client}"; a fixed value is {"const": …}',
    );
  }
  const [, up = '', pointer = ''] = element;
  return compileElement(up.length, pointer, at, context);
}

function compileElement(
  up: number,
  pointer: string,
  at: FilePlace,
  { levels, mayLookUp }: CompileContext,
): Source | undefined {
  const tokens = pointerTokens(pointer);
  if (tokens === undefined)
    return at.fault(`${JSON.stringify(pointer)} is no JSON Pointer (~0 is ~, ~1 is /)`);
  if (up > levels.length) return at.fault(levelsAbove(levels.length));
  if (up > 0 && !mayLookUp) return at.fault('"^" is not possible where elements are looked for');
  const depth = levels.length - up;
  const follow = compilePointer(tokens);
  return {
    read: (scope) => follow(scope.elements[depth]),
    place: (scope) => placeOfElement(levels, depth, scope) + pointer,
  };
}

function compileName(
  up: number,
  name: string,
  at: FilePlace,
  { captures, levels, counted }: CompileContext,
): Source | undefined {
  if (name === 'key' || name === COUNT) {
    if (up >= levels.length)
      return at.fault(levels.length === 0 ? `a ${name} needs "each"` : levelsAbove(levels.length - 1));
    const depth = levels.length - up;
    if (name === COUNT) {
      counted.add(depth);
      return {
        read: (scope) => scope.counts[depth],
        place: (scope) => placeOfElement(levels, depth - 1, scope),
      };
    }
    return { read: (scope) => scope.keys[depth], place: (scope) => placeOfElement(levels, depth, scope) };
  }
  if (up > 0) return at.fault(`"^" stands before "key" and "count" only`);
  if (name === 'client') return { read: ({ client }) => client, place: () => undefined };
  const index = captures.indexOf(name);
  // A capture of that name was there before, and is meant.
  if (index < 0 && name === 'topic') return { read: ({ topic }) => topic, place: () => undefined };
  if (index < 0) {
    return at.fault(
      `the topic has no {${name}} (${captures.length === 0 ? 'it captures nothing' : `it captures ${captures.join(', ')}`})`,
    );
  }
  return { read: (scope) => scope.captures[index], place: () => undefined };
}

function levelsAbove(count: number): string {
  return count === 0
    ? 'there is no level above'
    : `there ${count === 1 ? 'is 1 level' : `are ${count} levels`} above`;
}
