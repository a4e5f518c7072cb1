import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonArrayElements } from '#contract/json-elements.ts';

/** JSON text of a value with white space wherever JSON allows it. */
function spaced(value: unknown, space: string): string {
  if (Array.isArray(value))
    return `${space}[${space}${value.map((item) => spaced(item, space)).join(`${space},${space}`)}${space}]${space}`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}${space}:${spaced(item, space)}`,
    );
    return `{${space}${entries.join(`${space},${space}`)}${space}}`;
  }
  return JSON.stringify(value);
}

describe('jsonArrayElements', () => {
  it('cuts every array into texts that parse to its elements', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom('', ' ', '\n\t', ' \r\n '), (array, space) => {
        const elements = jsonArrayElements(Buffer.from(spaced(array, space)));
        expect(elements.map((bytes) => JSON.parse(Buffer.from(bytes).toString()))).toEqual(
          JSON.parse(JSON.stringify(array)),
        );
      }),
    );
  });

  it('keeps the bytes as they were written', () => {
    const text = '[ {"a" : 1.50} ,\n"x\\"],[\\\\", 1e999,{"é":[1, 2]} ]';
    const elements = jsonArrayElements(Buffer.from(text)).map((bytes) => Buffer.from(bytes).toString());
    expect(elements).toEqual(['{"a" : 1.50}', '"x\\"],[\\\\"', '1e999', '{"é":[1, 2]}']);
  });
});
