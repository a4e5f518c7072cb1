import { describe, expect, test } from 'vitest';
import { excerpt, placeOfProblem, syntaxProblem } from './payload-place.ts';

const TEXT = `{
  "schema": "environment/1",
  "values": {"temperature": "hot", "foo": 1}
}`;

function pointedAt(text: string, path: string, message = 'must be number'): string | undefined {
  const place = placeOfProblem(text, { path, message });
  return place && text.slice(place.offset, place.offset + 5);
}

describe('the place of a problem', () => {
  test('is the value that the path names', () => {
    expect(placeOfProblem(TEXT, { path: '/values/temperature', message: 'must be number' })).toEqual({
      offset: TEXT.indexOf('"hot"'),
      line: 3,
      column: 29,
      length: 5,
    });
    expect(pointedAt(TEXT, '')).toBe('{\n  "');
    expect(pointedAt('[{"a~b":{"c/d":17}}]', '/0/a~0b/c~1d')).toBe('17}}]');
  });

  test('is the property that should not be there', () => {
    expect(pointedAt(TEXT, '/values', 'unknown property "foo"')).toBe('"foo"');
    expect(pointedAt(TEXT, '', 'unknown property "values"')).toBe('"valu');
  });

  test('is the nearest thing known, or nothing', () => {
    expect(pointedAt(TEXT, '/values', 'unknown property "bar"')).toBe('{"tem');
    expect(pointedAt(TEXT, '/values/humidity')).toBeUndefined();
    expect(pointedAt('not json', '/values')).toBeUndefined();
  });

  test('of a syntax error is where JSON ends', () => {
    expect(syntaxProblem('{"a": 17x}')).toEqual({
      place: { offset: 8, line: 1, column: 9, length: 1 },
      message: 'invalid symbol',
    });
    expect(syntaxProblem('{"a": 17')?.place.offset).toBe(8);
    expect(syntaxProblem('')?.place).toEqual({ offset: 0, line: 1, column: 1, length: 0 });
    expect(syntaxProblem('{"a": 17}')).toBeUndefined();
  });

  test('[P10] of a payload nested deeper than the stack is not looked for', () => {
    const deep = '['.repeat(200_000);
    expect(syntaxProblem(deep)).toBeUndefined();
    expect(placeOfProblem(deep, { path: '/0', message: 'x' })).toBeUndefined();
  });
});

describe('the excerpt', () => {
  test('has a caret under the place, whatever is before it', () => {
    const text = `{"\u001b[31m\u202e":\n  "😀": oops${' '.repeat(100)}}`;
    const offset = text.indexOf('oops');
    const [line, caret] = excerpt(text, { offset, line: 2, column: 1 });
    expect(line.slice(caret.length - 1)).toMatch(/^oops/);
    expect(line).toMatch(/…$/);
    expect(line).not.toMatch(/\p{C}/u);
  });

  test('begins at most a few words before a place in a long line', () => {
    const text = `${'a'.repeat(10_000)}HERE${'b'.repeat(10_000)}`;
    const [line, caret] = excerpt(text, { offset: 10_000, line: 1, column: 10_001 });
    expect(line.length).toBeLessThan(100);
    expect(line.slice(caret.length - 1, caret.length + 3)).toBe('HERE');
  });
});
