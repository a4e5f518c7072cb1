import { describe, expect, it } from 'vitest';
import { excerptOf } from '#contract/excerpt-of-values.ts';

const fields = new Map([['temperature', {}]]);

describe('excerptOf', () => {
  it('leaves values of an ordinary size alone', () => {
    const values = { temperature: 1, x: 2, y: 3 };
    expect(excerptOf(values, fields, 2)).toBe(values);
    for (const other of [null, 1, 'x', [1, 2, 3, 4]]) expect(excerptOf(other, fields, 2)).toBe(other);
  });

  it('keeps every known field and the first unknown ones, whatever they are called', () => {
    const values = JSON.parse('{"__proto__":1,"b":2,"c":3,"temperature":4,"d":5}');
    expect(Object.entries(excerptOf(values, fields, 2) as object)).toEqual([
      ['__proto__', 1],
      ['b', 2],
      ['temperature', 4],
    ]);
  });
});
