import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePointer, pointerTo, pointerTokens } from '#contract/mapping/json-pointer.ts';

function follow(pointer: string, value: unknown): unknown {
  return compilePointer(pointerTokens(pointer) ?? [])(value);
}

describe('JSON Pointers', () => {
  const value = JSON.parse('{"a":{"b/c":[10,{"~":1}]},"":2,"__proto__":3,"0":4}') as unknown;

  it.each<[string, unknown]>([
    ['', value],
    ['/a/b~1c/0', 10],
    ['/a/b~1c/1/~0', 1],
    ['/', 2],
    ['/0', 4],
    ['/__proto__', 3],
    ['/a/b~1c/2', undefined],
    ['/a/b~1c/length', undefined],
    ['/a/b~1c/-', undefined],
    ['/a/b~1c/00', undefined],
    ['/a/constructor', undefined],
    ['/a/__proto__', undefined],
    ['/a/toString/name', undefined],
    ['/nothing/at/all', undefined],
  ])('%s', (pointer, found) => {
    expect(follow(pointer, value)).toEqual(found);
  });

  it('finds nothing in text, numbers and null', () => {
    for (const scalar of ['text', 5, null, true, undefined])
      expect(follow('/length', scalar)).toBeUndefined();
  });

  it.each(['a', 'a/b', '/~', '/~2'])('%s is none', (text) => {
    expect(pointerTokens(text)).toBeUndefined();
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (tokens) => {
        const pointer = tokens.reduce(pointerTo, '');
        expect(pointerTokens(pointer)).toEqual(tokens);
      }),
    );
  });
});
