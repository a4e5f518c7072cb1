import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FieldDefinition, ReadingSchema } from '#contract/schema-registry.ts';
import { pointOfReading, readingOfFields } from './reading-point.ts';

const kinds = { count: 'integer', level: 'float', on: 'boolean', text: 'string' } as const;

const schema: ReadingSchema = {
  name: 'thing/3',
  type: 'thing',
  version: 3,
  fields: new Map(
    Object.entries(kinds).map(([name, kind]) => [name, { name, kind } as unknown as FieldDefinition]),
  ),
  maxAgeMs: 0,
  maxSkewMs: 0,
  content: {},
  accepts: () => true,
  problems: () => [],
};

test('a reading is a point with the kinds of its schema, its version and its sequence number', () => {
  const reading = { schema: 'thing/3', ts: 17, seq: 4, values: { level: 21, count: 2 } };
  const { measurement, deviceId, timestamp, fields } = pointOfReading('dev-1', reading, schema);
  expect({ measurement, deviceId, timestamp, fields }).toEqual({
    measurement: 'thing',
    deviceId: 'dev-1',
    timestamp: 17,
    fields: [
      { name: 'schemaVersion', kind: 'integer', value: 3 },
      { name: 'seq', kind: 'integer', value: 4 },
      { name: 'level', kind: 'float', value: 21 },
      { name: 'count', kind: 'integer', value: 2 },
    ],
  });
});

test('any reading comes back, whatever the order of its fields', () => {
  const values = fc.record(
    { count: fc.integer(), level: fc.double(), on: fc.boolean(), text: fc.string() },
    { requiredKeys: ['count'] },
  );
  fc.assert(
    fc.property(
      fc.nat(),
      fc.option(fc.nat(), { nil: undefined }),
      values,
      fc.boolean(),
      (ts, seq, given, reverse) => {
        const reading = { schema: 'thing/3', ts, ...(seq !== undefined && { seq }), values: { ...given } };
        const fields = pointOfReading('dev-1', reading, schema).fields.map(
          ({ name, value }) => [name, value] as const,
        );
        const back = readingOfFields('thing', ts, reverse ? fields.toReversed() : fields);
        expect(back).toEqual(reading);
        expect(Object.keys(back?.values ?? {})).toEqual(Object.keys(given).sort());
      },
    ),
  );
});

test('a point of another measurement says its type, and comes back as the reading it was', () => {
  const reading = { schema: 'thing/3', ts: 17, values: { level: 21 } };
  const named = pointOfReading('dev-1', reading, schema, {
    measurement: 'mqtt_consumer',
    tags: [['site', 'a']],
  });
  expect(named.measurement).toBe('mqtt_consumer');
  expect(named.tags).toEqual([['site', 'a']]);
  expect(named.fields).toContainEqual({ name: 'schemaType', kind: 'string', value: 'thing' });
  const fields = named.fields.map(({ name, value }) => [name, value] as const);
  expect(readingOfFields('mqtt_consumer', 17, fields)).toEqual(reading);
});

test('a point without a version is no reading', () => {
  expect(readingOfFields('thing', 1, [['level', 2]])).toBeUndefined();
});
