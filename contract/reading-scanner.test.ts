import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit, admitThoroughly } from '#contract/admission.ts';
import type { Reading } from '#contract/reading.ts';
import { ReadingScanner } from '#contract/reading-scanner.ts';
import { ScannedReadings } from '#contract/scanned-readings.ts';
import { buildSchemaRegistry, type ReadingSchema, type SchemaRegistry } from '#contract/schema-registry.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';

const now = 1_764_000_000_000;

function registry(...contents: readonly object[]): SchemaRegistry {
  const built = buildSchemaRegistry(
    contents.map((content, i) => ({ path: `${i}`, type: `type${i}`, version: '1', content })),
  );
  if (!('registry' in built)) throw new Error(built.problems.join());
  return built.registry;
}

function schema(properties: object, more: object = {}): object {
  return { type: 'object', properties, additionalProperties: false, ...more };
}

const shipped = loadSchemas();

function isPlain(text: string, schemas: SchemaRegistry = shipped): boolean {
  const bytes = Buffer.from(text);
  return new ReadingScanner(schemas).scan(bytes, 0) === bytes.length;
}

const reading = (values: string, more = '') =>
  `{"schema":"environment/1","ts":1764000000000${more},"values":${values}}`;

describe('plain', () => {
  it.each([
    ['what devices send', reading('{"temperature":21.53,"humidity":44.1}', ',"seq":17')],
    ['with spaces', ` ${reading(' { "temperature":\t-1 ,\n"humidity": 0 } ')}`.trim()],
    ['in another order', reading('{"battery":5,"humidity":0,"temperature":0.125}')],
    [
      'with values in front of the time',
      '{"seq":0,"schema":"environment/1","values":{"temperature":1,"humidity":2},"ts":1}',
    ],
  ])('is %s', (_, text) => {
    expect(isPlain(text)).toBe(true);
  });

  it.each([
    ['an exponent', reading('{"temperature":1e1,"humidity":1}')],
    ['a 16th digit', reading('{"temperature":1.000000000000001,"humidity":1}')],
    ['a leading zero', reading('{"temperature":01,"humidity":1}')],
    ['a bare dot', reading('{"temperature":1.,"humidity":1}')],
    ['a sign alone', reading('{"temperature":-,"humidity":1}')],
    ['a negative zero', reading('{"temperature":-0,"humidity":1}')],
    ['… with a fraction', reading('{"temperature":-0.0,"humidity":1}')],
    ['a text', reading('{"temperature":"1","humidity":1}')],
    ['null', reading('{"temperature":null,"humidity":1}')],
    ['a key twice', reading('{"temperature":1,"humidity":1,"temperature":2}')],
    ['the time twice', reading('{"temperature":1,"humidity":1}', ',"ts":5')],
    ['the number twice', reading('{"temperature":1,"humidity":1}', ',"seq":1,"seq":1')],
    ['a space before a colon', reading('{"temperature" :1,"humidity":1}')],
    ['a key with an escape', reading('{"temperatur\\u0065":1,"humidity":1}')],
    ['an unknown key', reading('{"temperature":1,"humidity":1,"x":1}')],
    ['a missing value', reading('{"temperature":1}')],
    ['no value', reading('{}')],
    ['a value out of bounds', reading('{"temperature":151,"humidity":1}')],
    ['a negative time', '{"schema":"environment/1","ts":-1,"values":{"temperature":1,"humidity":1}}'],
    ['a fraction in a time', '{"schema":"environment/1","ts":1.0,"values":{"temperature":1,"humidity":1}}'],
    [
      'values before their schema',
      '{"values":{"temperature":1,"humidity":1},"schema":"environment/1","ts":1}',
    ],
    ['an unknown schema', '{"schema":"environment/9","ts":1,"values":{"temperature":1}}'],
    ['a trailing comma', '{"schema":"environment/1","ts":1,"values":{"temperature":1,"humidity":1},}'],
    ['an unfinished one', reading('{"temperature":1,"humidity":1').slice(0, -1)],
  ])('is not %s', (_, text) => {
    expect(isPlain(text)).toBe(false);
  });

  it.each<[string, object]>([
    ['values are texts', schema({ a: { type: 'string' } })],
    ['a value is of a list', schema({ a: { type: 'number', enum: [1, 2] } })],
    ['a value is a multiple', schema({ a: { type: 'number', multipleOf: 0.5 } })],
    [
      'values depend on each other',
      schema({ a: { type: 'number' }, b: { type: 'number' } }, { dependentRequired: { a: ['b'] } }),
    ],
    [
      'there are more than a bit each',
      schema(Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`f${i}`, { type: 'number' }]))),
    ],
  ])('is nothing of a schema in which %s', (_, content) => {
    expect(isPlain('{"schema":"type0/1","ts":1,"values":{"a":1}}', registry(content))).toBe(false);
  });

  it('is judged by the schemas in force, which change', () => {
    const [strict, lax] = [{ maximum: 1 }, { maximum: 9 }].map((more) =>
      registry(schema({ a: { type: 'number', ...more } })).get('type0/1'),
    );
    const schemas = new Map([['type0/1', strict as ReadingSchema]]);
    const scanner = new ReadingScanner(schemas);
    const bytes = Buffer.from('{"schema":"type0/1","ts":1,"values":{"a":5}}');
    expect(scanner.scan(bytes, 0)).toBe(-1);
    schemas.set('type0/1', lax as ReadingSchema);
    expect(scanner.scan(bytes, 0)).toBe(bytes.length);
    schemas.delete('type0/1');
    expect(scanner.scan(bytes, 0)).toBe(-1);
  });

  it('takes the bounds of a schema as they are meant', () => {
    const schemas = registry(
      schema({ a: { type: 'number', exclusiveMinimum: 0, maximum: 2 }, b: { type: 'boolean' } }),
    );
    const plain = (values: string) => isPlain(`{"schema":"type0/1","ts":1,"values":${values}}`, schemas);
    expect(
      ['{"a":0}', '{"a":0.1}', '{"a":2}', '{"a":2.1}', '{"b":true}', '{"b":false}', '{"b":1}'].map(plain),
    ).toEqual([false, true, true, false, true, true, false]);
  });
});

it('[P5] says the same of a message as the thorough look, of good ones and of all kinds of bad ones', () => {
  const schemas = registry(
    schema(
      {
        a: { type: 'number', minimum: -5, exclusiveMaximum: 1e6 },
        b: { type: 'integer', maximum: 2 ** 53 },
        ab: { type: 'boolean' },
      },
      { required: ['a'] },
    ),
    schema({ a: { type: 'integer' } }),
  );
  const number = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -5, max: 999_999 }) },
    { weight: 4, arbitrary: fc.double({ min: -6, max: 10 }).map((x) => Math.round(x * 1000) / 1000) },
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.constantFrom('0.1', '-0', '-0.0', '00', '1e3', '1E-2', '.5', '5.', '0.30000000000000004'),
    fc.constantFrom('123456789012345', '1234567890123456', '0.12345678901234', '0.123456789012345'),
  );
  const value = fc.oneof(
    { weight: 9, arbitrary: number },
    fc.constantFrom('true', 'false', 'null', '"x"', '{}'),
  );
  const space = fc.constantFrom('', '', '', ' ', '\n\t');
  const member = (key: fc.Arbitrary<string>, of: fc.Arbitrary<unknown>) =>
    fc
      .tuple(space, key, fc.constantFrom('', '', '', '', '', ' '), space, of)
      .map(([s, k, t, u, v]) => `${s}"${k}"${t}:${u}${v}`);
  const good = fc.record({ a: number }).map(({ a }) => `{"a":${a}}`);
  const mixed = fc
    .array(member(fc.constantFrom('a', 'a', 'b', 'ab', 'c'), value), { maxLength: 4 })
    .map((members) => `{${members}}`);
  const schemaOf = member(
    fc.constant('schema'),
    fc.constantFrom('"type0/1"', '"type0/1"', '"type1/1"', '"type2/1"'),
  );
  const tsOf = member(fc.constant('ts'), fc.constantFrom(now, now - 1, now, '1.5', now + 1e9));
  const seqOf = member(fc.constant('seq'), number);
  const valuesOf = member(fc.constant('values'), fc.oneof({ weight: 2, arbitrary: good }, mixed));
  const usual = fc.tuple(schemaOf, tsOf, valuesOf);
  const one = fc
    .tuple(
      fc.oneof(
        { weight: 3, arbitrary: usual },
        fc.array(fc.oneof(schemaOf, tsOf, seqOf, valuesOf), { maxLength: 5 }),
      ),
      space,
    )
    .map(([members, s]) => `{${members}${s}}`);
  const message = fc.oneof(
    one,
    fc.tuple(fc.array(one, { maxLength: 4 }), space).map(([all, s]) => `[${s}${all}${s}]`),
    fc.tuple(one, fc.nat()).map(([text, cut]) => text.slice(0, cut % text.length)),
  );
  let plain = 0;
  // One for all: what is not plain must leave nothing in it.
  const found = new ScannedReadings();
  fc.assert(
    fc.property(message, fc.constantFrom(now, undefined), (text, receivedAt) => {
      const bytes = Buffer.from(text);
      const before = found.length;
      const quick = admit(bytes, receivedAt, schemas, undefined, found);
      const thorough = admitThoroughly(bytes, receivedAt, schemas);
      expect(quick.rejects).toEqual(thorough.rejects);
      expect(quick.accepted?.readings).toEqual(thorough.accepted?.readings);
      expect(quick.accepted?.bySchema).toEqual(thorough.accepted?.bySchema);
      expect(quick.accepted?.count).toEqual(thorough.accepted?.count);
      const ofThis = found.forms.slice(before);
      if (ofThis.length === 0) return;
      plain++;
      const readings = quick.accepted?.readings ?? [];
      expect(ofThis).toHaveLength(readings.length);
      for (const [i, { schema, hasSeq, fields }] of ofThis.entries()) {
        const { ts, seq, values } = readings[i] as Reading;
        expect(schema.name).toBe(readings[i]?.schema);
        const first = found.firsts[before + i] as number;
        const places = [
          first,
          ...(hasSeq ? [first + 1] : []),
          ...fields.map((_, n) => first + 1 + Number(hasSeq) + n),
        ];
        const isTruth = ['ts', ...(hasSeq ? ['seq'] : []), ...fields].map(
          (field) => typeof field === 'object' && field.kind === 'boolean',
        );
        const told = [ts, ...(seq === undefined ? [] : [seq]), ...fields.map(({ name }) => values[name])];
        expect(fields.map(({ name }) => name)).toEqual(Object.keys(values));
        expect(places.map((at, n) => (isTruth[n] ? found.numbers[at] === 1 : found.numbers[at]))).toEqual(
          told,
        );
        expect(
          places.map((at) => JSON.parse(String(bytes.subarray(found.starts[at], found.ends[at])))),
        ).toEqual(told);
      }
    }),
    { numRuns: 5_000 },
  );
  // About 230 of them, give or take 20: what chance gives never falls below this.
  expect(plain).toBeGreaterThan(100);
});
