import { describe, expect, it } from 'vitest';
import { buildSchemaRegistry, type SchemaFile } from '#contract/schema-registry.ts';

function file(content: unknown, type = 'pump', version = '1'): SchemaFile {
  return { path: `schemas/${type}/${version}.json`, type, version, content };
}

function schema(
  properties: Record<string, unknown>,
  rest: Record<string, unknown> = {},
): Record<string, unknown> {
  return { type: 'object', properties, additionalProperties: false, ...rest };
}

function problemsOf(...files: SchemaFile[]): readonly string[] {
  const built = buildSchemaRegistry(files);
  return 'problems' in built ? built.problems : [];
}

describe('schema registry', () => {
  it('derives the fields with their kinds and units', () => {
    const built = buildSchemaRegistry([
      file(
        schema(
          {
            flow: { type: 'number', 'x-unit': 'l/s' },
            on: { type: 'boolean' },
            starts: { type: 'integer' },
            mode: { type: 'string' },
          },
          { required: ['flow'], 'x-max-age-ms': 5 },
        ),
      ),
    ]);
    const pump = 'registry' in built ? built.registry.get('pump/1') : undefined;
    expect(
      [...(pump?.fields.values() ?? [])].map(({ name, kind, unit, required }) => [
        name,
        kind,
        unit,
        required,
      ]),
    ).toEqual([
      ['flow', 'float', 'l/s', true],
      ['on', 'boolean', '', false],
      ['starts', 'integer', '', false],
      ['mode', 'string', '', false],
    ]);
    expect(pump?.maxAgeMs).toBe(5);
    expect(pump?.accepts({ flow: 1, on: true })).toBe(true);
    expect(pump?.accepts({ flow: 1, extra: 1 })).toBe(false);
  });

  it('does not take inherited properties for sent ones', () => {
    const built = buildSchemaRegistry([
      file(schema({ valueOf: { type: 'number' } }, { required: ['valueOf'] })),
    ]);
    const pump = 'registry' in built ? built.registry.get('pump/1') : undefined;
    expect(pump?.accepts({})).toBe(false);
    expect(pump?.accepts(JSON.parse('{"valueOf":1,"__proto__":1}'))).toBe(false);
  });

  it('[P10] says everything that is wrong, with the path', () => {
    expect(
      problemsOf(
        file('text'),
        file(schema({ seq: { type: 'number' }, _x: { type: 'number' }, list: { type: 'array' } }), 'a'),
        file(schema({ x: { type: 'number', minimum: 'low' } }), 'b'),
        file(schema({ x: { type: 'number' } }, { additionalProperties: true }), 'c'),
        file(schema({ x: { type: 'number' } }), 'Bad Name'),
        file(schema({ x: { type: 'number' } }), 'd', 'latest'),
        file(schema({ x: { type: 'number' } }, { 'x-max-age-ms': -1 }), 'e'),
        file(schema({}), 'f'),
      ),
    ).toEqual([
      'schemas/pump/1.json: must be a JSON object',
      'schemas/a/1.json: property name "seq" is reserved',
      expect.stringContaining('schemas/a/1.json: property name "_x" must match'),
      expect.stringContaining('schemas/a/1.json: property "list" must have one "type"'),
      expect.stringContaining('schemas/b/1.json: schema is invalid'),
      'schemas/c/1.json: must have "additionalProperties": false',
      expect.stringContaining('folder name "Bad Name"'),
      expect.stringContaining('file name "latest"'),
      'schemas/e/1.json: "x-max-age-ms" must be a whole number of milliseconds',
      'schemas/f/1.json: must have at least one property',
    ]);
  });

  it('refuses a property that changes its kind between versions', () => {
    expect(
      problemsOf(
        file(schema({ x: { type: 'number' } })),
        file(schema({ x: { type: 'integer' } }), 'pump', '2'),
      ),
    ).toEqual(['schemas/pump/2.json: property "x" is integer here but float in schemas/pump/1.json']);
  });

  it('refuses an empty folder', () => {
    expect(problemsOf()).toEqual(['no schema files were found']);
  });
});
