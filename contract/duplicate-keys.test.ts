import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { admit } from './admission.ts';
import { duplicateKey, mayHaveDuplicateKeys } from './duplicate-keys.ts';

const schemas = loadSchemas();
const NOW = 1_764_000_000_000;
const good = `{"schema":"environment/1","ts":${NOW},"seq":1,"values":{"temperature":21.5,"humidity":40}}`;

describe('duplicate keys', () => {
  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":{"b":1, "b" : 1}}', 'b'],
    ['[{"a":1},{"a":1}]', undefined],
    ['{"a":{"a":1},"b":{"a":1}}', undefined],
    ['{"\\u0061":1,"a":2}', 'a'],
    ['{"a\\\\":1,"a\\"":2,"x":"\\"a\\":1"}', undefined],
    ['{"a":":::{[\\"","b":"a","c":["a","a"]}', undefined],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"":1,"":2}', ''],
  ])('of %s: %s', (text, key) => {
    expect(() => JSON.parse(text)).not.toThrow();
    expect(duplicateKey(text)).toBe(key);
  });

  it('are found in no text that JSON.stringify wrote, and in each that repeats a member', () => {
    fc.assert(
      fc.property(fc.object({ withNullPrototype: false }), (value) => {
        const text = JSON.stringify(value);
        expect(duplicateKey(text)).toBeUndefined();
        const twice = `{"again":${text},"again":1}`;
        expect(duplicateKey(twice)).toBe('again');
        expect(mayHaveDuplicateKeys(twice, 1)).toBe(true);
      }),
    );
  });

  it.each([
    ['top level', good.replace('"seq":1', '"seq":1,"seq":2')],
    ['same value', good.replace('"seq":1', '"seq":1,"seq":1')],
    ['the first is bad', good.replace('"ts":', '"ts":"yesterday","ts":')],
    ['values twice', good.replace('"values":', '"values":{},"values":')],
    ['within values', good.replace('"humidity":40', '"humidity":40,"humidity":41')],
    ['escaped', good.replace('"humidity":40', '"humidity":40,"h\\u0075midity":41')],
  ])('[P5] refuse a reading: %s', (_, reading) => {
    const alone = admit(Buffer.from(reading), NOW, schemas);
    expect(alone.accepted).toBeUndefined();
    expect(alone.rejects).toMatchObject([{ reason: 'schema-violation' }]);
    expect(JSON.stringify(alone.rejects[0]?.detail)).toContain('more than once');
    const batch = admit(Buffer.from(`[${good}, ${reading} ,${good}]`), NOW, schemas);
    expect(batch.accepted?.readings).toHaveLength(2);
    expect(Buffer.from(batch.accepted?.value ?? []).toString()).toBe(`[${good},${good}]`);
    expect(batch.rejects).toMatchObject([{ reason: 'schema-violation', index: 1 }]);
    expect(Buffer.from(batch.rejects[0]?.bytes ?? []).toString()).toBe(reading);
  });
});
