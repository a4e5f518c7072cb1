import { expect, test } from 'vitest';
import { buildSchemaRegistry, type ReadingSchema } from '#contract/schema-registry.ts';
import { randomStreams } from './random-stream.ts';
import { assertInventable, canonicalReading, ReadingSource } from './reading-source.ts';
import { SCHEMAS } from './testing/pretend-pipeline.ts';

function source(schema: ReadingSchema, seed: number): ReadingSource {
  return new ReadingSource(schema, randomStreams(seed).next().value);
}

function operatorSchema(properties: Record<string, unknown>, rest: object = {}): ReadingSchema {
  const content = { type: 'object', properties, additionalProperties: false, ...rest };
  const built = buildSchemaRegistry([{ path: 'test', type: 'mine', version: '1', content }]);
  if ('problems' in built) throw new Error(built.problems.join('\n'));
  return built.registry.get('mine/1') as ReadingSchema;
}

test.each([...SCHEMAS.values()].map((schema) => [schema.name, schema] as const))(
  'readings of %s follow from the seed, are valid and vary',
  (_name, schema) => {
    const [one, same, other] = [source(schema, 5), source(schema, 5), source(schema, 6)];
    const texts = Array.from({ length: 2_000 }, () => {
      const values = one.next();
      expect(schema.accepts(values), JSON.stringify(schema.problems(values))).toBe(true);
      expect(same.next()).toEqual(values);
      return JSON.stringify(values);
    });
    expect(new Set(texts).size).toBeGreaterThan(1_500);
    expect(texts).not.toContain(JSON.stringify(other.next()));
  },
);

test('values stay in the typical range, move through a good part of it, and do not jump', () => {
  const temperatures = source(SCHEMAS.get('environment/1') as ReadingSchema, 1);
  const day = Array.from({ length: 1440 }, () => Number(temperatures.next()['temperature']));
  expect(Math.min(...day)).toBeGreaterThanOrEqual(12);
  expect(Math.max(...day)).toBeLessThanOrEqual(32);
  expect(Math.max(...day) - Math.min(...day)).toBeGreaterThan(3);
  const steps = day.slice(1).map((value, index) => Math.abs(value - (day[index] as number)));
  expect(Math.max(...steps)).toBeLessThan(2);
});

test('a counter only rises, in whole numbers', () => {
  const meter = source(SCHEMAS.get('energy-meter/1') as ReadingSchema, 3);
  let before = -1;
  for (let reading = 0; reading < 1_000; reading++) {
    const total = Number(meter.next()['energyTotal']);
    expect(total).toBeGreaterThanOrEqual(before);
    expect(Number.isInteger(total)).toBe(true);
    before = total;
  }
});

test('an operator’s schema: booleans, enums, examples, multiples, exclusive and one-sided bounds', () => {
  const schema = operatorSchema({
    door: { type: 'boolean' },
    mode: { type: 'string', enum: ['auto', 'manual'] },
    serial: { type: 'string', pattern: '^[A-Z]{2}[0-9]{4}$', examples: ['AB1234', 'CD5678'] },
    note: { type: 'string', minLength: 9, maxLength: 10 },
    level: { type: 'integer', multipleOf: 5, minimum: -20, maximum: 40 },
    ratio: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
    count: { type: 'integer', minimum: 1_000_000 },
    depth: { type: 'number', maximum: -3 },
    version: { type: 'integer', const: 4 },
    free: { type: 'number' },
  });
  assertInventable([schema]);
  const values = source(schema, 9);
  const doors = new Set(Array.from({ length: 500 }, () => values.next()['door']));
  expect(doors).toEqual(new Set([true, false, undefined]));
});

test('what cannot be invented is said before anything is sent', () => {
  const pattern = operatorSchema(
    { serial: { type: 'string', pattern: '^[A-Z]$' } },
    { required: ['serial'] },
  );
  expect(() => assertInventable([pattern])).toThrow(/mine\/1.*"examples"/);
});

test('the canonical form does not depend on the order of keys', () => {
  const a = canonicalReading({ schema: 's/1', ts: 1, seq: 2, values: { b: 1, a: 2 } });
  const b = canonicalReading({ values: { a: 2, b: 1 }, seq: 2, ts: 1, schema: 's/1' });
  expect(a).toBe(b);
  expect(canonicalReading({ schema: 's/1', ts: 1, seq: 2, values: { a: 2, b: 1.5 } })).not.toBe(a);
});
