import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ContractOptions, loadContract, shippedMappingNames } from '#runtime/load-contract.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mappings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, content: unknown): string {
  const location = path.join(folder, file);
  mkdirSync(path.dirname(location), { recursive: true });
  writeFileSync(location, typeof content === 'string' ? content : JSON.stringify(content));
  return path.dirname(location);
}

function load(options: Partial<ContractOptions>) {
  return loadContract({
    mappings: [],
    mappingDir: undefined,
    siteZone: 'UTC',
    ...options,
  });
}

function problems(options: Partial<ContractOptions>): string[] {
  try {
    load(options);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

const RULE = { topic: 't/{d}', device: '{d}', ts: 'received', values: { temperature: '/t' } };

describe('contract files', () => {
  it('[P10] a tag is called like no value of any schema', () => {
    expect(problems({ storeTags: ['site', 'temperature', 'line'] })).toEqual([
      'STORE_TAGS: expected labels that no value is called like, but temperature is one of environment/1',
    ]);
  });

  it.each(shippedMappingNames())('the shipped mapping %s can be switched on alone', (name) => {
    const { mappings } = load({ mappings: [name] });
    expect(mappings.sources).toEqual([name]);
  });

  it('all shipped mappings can be switched on at once, but for two that take the same topics', () => {
    const { mappings } = load({
      mappings: shippedMappingNames().filter((name) => name !== 'telegraf-influx'),
    });
    expect(mappings.sources.length).toBe(shippedMappingNames().length - 1);
    expect(problems({ mappings: ['telegraf', 'telegraf-influx'] })).toEqual([
      expect.stringContaining('it is not clear'),
    ]);
  });

  it('types come in only when a mapping names them, the own one before the shipped one', () => {
    expect([...load({}).schemas.keys()]).not.toContain('environment/2');
    const mappingDir = write('own/own.json', { source: 'own', rules: [{ ...RULE, as: 'environment/2' }] });
    expect(load({ mappingDir }).schemas.get('environment/2')?.fields.has('humidity')).toBe(true);
    write('schemas/environment/2.json', {
      type: 'object',
      properties: { temperature: { type: 'number' } },
      additionalProperties: false,
    });
    const schemaDir = path.join(folder, 'schemas');
    expect([...(load({ mappingDir, schemaDir }).schemas.get('environment/2')?.fields.keys() ?? [])]).toEqual([
      'temperature',
    ]);
  });

  it('[P10] tells everything that is wrong at once, in schemas and in mappings', () => {
    const mappingDir = write('bad/bad.json', {
      source: 'bad',
      rules: [{ ...RULE, as: 'environment/2', ts: 'now' }],
    });
    write('bad/broken.json', '{');
    write('bad/notes.txt', 'not a mapping');
    expect(problems({ mappingDir, mappings: ['tasmotta'] })).toEqual([
      expect.stringMatching(
        /^MAPPINGS: no mapping called "tasmotta" comes with the pipeline \(there are ahoydtu, chirpstack, /,
      ),
      expect.stringContaining(`MAPPING_DIR: ${path.join(mappingDir, 'broken.json')}: `),
      expect.stringContaining(
        `MAPPING_DIR: ${path.join(mappingDir, 'bad.json')}: /rules/0/ts (rule t/{d}): `,
      ),
    ]);
    expect(problems({ mappingDir: path.join(folder, 'nowhere') })).toEqual([
      expect.stringContaining(`MAPPING_DIR: ${path.join(folder, 'nowhere')}: `),
    ]);
    expect(problems({ mappings: ['telegraf', 'telegraf-influx'] })[0]).toMatch(
      /^MAPPINGS: \/.*telegraf-influx\.json: \/rules\/0\/topic /,
    );
    expect(problems({ schemaDir: path.join(folder, 'nowhere') })[0]).toMatch(/^SCHEMA_DIR: /);
  });
});
