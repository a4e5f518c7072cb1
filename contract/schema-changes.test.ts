import { describe, expect, it } from 'vitest';
import { compareSchemas, compareWithStore } from '#contract/schema-changes.ts';
import { buildSchemaRegistry, type SchemaRegistry } from '#contract/schema-registry.ts';

type Properties = Readonly<Record<string, object>>;

function registry(
  schemas: Readonly<Record<string, Properties>>,
  more: Readonly<Record<string, unknown>> = {},
): SchemaRegistry {
  const built = buildSchemaRegistry(
    Object.entries(schemas).map(([name, properties]) => {
      const [type = '', version = ''] = name.split('/');
      const content = { type: 'object', additionalProperties: false, properties, ...more };
      return { path: name, type, version, content };
    }),
  );
  if ('problems' in built) throw new Error(built.problems.join('\n'));
  return built.registry;
}

const FLOW = { type: 'number', minimum: 0, maximum: 10 };
const PUMP = registry({ 'pump/1': { flow: FLOW, mode: { type: 'string', enum: ['a', 'b'] } } });
const changed = (properties: Properties, more = {}) =>
  compareSchemas(
    PUMP,
    registry({ 'pump/1': { flow: FLOW, mode: { type: 'string', enum: ['a', 'b'] }, ...properties } }, more),
  );

describe('schemas against the last release', () => {
  it('that are the same, or only say more to people, have not changed', () => {
    expect(compareSchemas(PUMP, PUMP)).toEqual([]);
    expect(changed({ flow: { ...FLOW, description: 'litres', 'x-unit': 'l/s' } }, { title: 'Pump' })).toEqual(
      [],
    );
  });

  it.each([
    ['an optional field', { speed: { type: 'number' } }, {}],
    ['a wider bound', { flow: { ...FLOW, maximum: 20 } }, {}],
    ['a bound less', { flow: { type: 'number', minimum: 0 } }, {}],
    ['one word more', { mode: { type: 'string', enum: ['a', 'b', 'c'] } }, {}],
  ])('%s is compatible', (_, properties, more) => {
    const changes = changed(properties, more);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ schema: 'pump/1', compatible: true });
  });

  it.each([
    ['another kind', { flow: { ...FLOW, type: 'integer' } }, {}, /"flow" was float and is integer/],
    ['a narrower bound', { flow: { ...FLOW, minimum: 1 } }, {}, /minimum was 0 and is 1/],
    ['a word less', { mode: { type: 'string', enum: ['a'] } }, {}, /enum was \["a","b"\] and is \["a"\]/],
    ['a new rule', { flow: { ...FLOW, multipleOf: 2 } }, {}, /multipleOf was not there/],
    ['a field that is required now', {}, { required: ['flow'] }, /"flow" is required now/],
    ['less time', {}, { 'x-max-age-ms': 1000 }, /maxAgeMs was 604800000 and is 1000/],
    ['a rule of the whole', {}, { minProperties: 2 }, /minProperties changed/],
  ])('%s is not', (_, properties, more, why) => {
    expect(changed(properties, more)).toEqual([
      { schema: 'pump/1', compatible: false, why: expect.stringMatching(why) },
    ]);
  });

  it('a field, or a version, that is gone is not; a new version must keep the kinds of all before it', () => {
    expect(compareSchemas(PUMP, registry({ 'pump/1': { flow: FLOW } }))).toMatchObject([
      { compatible: false, why: expect.stringContaining('"mode" is gone') },
    ]);
    expect(compareSchemas(PUMP, registry({ 'pump/2': { flow: { type: 'integer' } } }))).toMatchObject([
      { schema: 'pump/1', compatible: false },
      {
        schema: 'pump/2',
        compatible: false,
        why: '"flow" is integer here and float in pump/1 of the release',
      },
    ]);
    expect(
      compareSchemas(PUMP, new Map([...PUMP, ...registry({ 'valve/1': { open: { type: 'boolean' } } })])),
    ).toEqual([{ schema: 'valve/1', compatible: true, why: 'is new' }]);
  });

  it('a field that the store holds in another kind is not', () => {
    const held = [
      { measurement: 'pump', name: 'flow', kind: 'integer' },
      { measurement: 'pump', name: 'mode', kind: 'string' },
      { measurement: 'valve', name: 'flow', kind: 'string' },
    ] as const;
    expect(compareWithStore(PUMP, held)).toEqual([
      {
        schema: 'pump/1',
        compatible: false,
        why: '"flow" is float here and integer in the store, which would refuse it',
      },
    ]);
  });
});
