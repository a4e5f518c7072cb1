import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ContractInForce } from '#runtime/contract-in-force.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'contract-'));
  mkdirSync(path.join(folder, 'mappings'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeMapping(topic: unknown, field = 'temperature'): void {
  const rule = { topic, as: 'room/1', device: 'd', ts: 'received', values: { [field]: '/t' } };
  writeFileSync(path.join(folder, 'mappings', 'own.json'), JSON.stringify({ source: 'own', rules: [rule] }));
}

function writeSchema(field: string): void {
  mkdirSync(path.join(folder, 'schemas', 'room'), { recursive: true });
  const schema = { type: 'object', properties: { [field]: { type: 'number' } }, additionalProperties: false };
  writeFileSync(path.join(folder, 'schemas', 'room', '1.json'), JSON.stringify(schema));
}

it('takes changed files, and keeps the old ones in force when the new ones cannot be used, and says so', async () => {
  writeSchema('temperature');
  writeMapping('a');
  const lines: string[] = [];
  const metrics = new Registry();
  const log = createLogger(
    { name: 'test', level: 'info' },
    { write: (line: string) => void lines.push(line) },
  );
  using contract = new ContractInForce({
    schemaDir: path.join(folder, 'schemas'),
    mappings: [],
    mappingDir: path.join(folder, 'mappings'),
    siteZone: 'UTC',
  });
  contract.watch({ log, metrics }, 5);
  const { schemas } = contract;
  const usable = async () =>
    (await metrics.getMetricsAsJSON()).find(({ name }) => name === 'contract_files_usable')?.values[0]?.value;
  expect(contract.mappings.knows('a')).toBe(true);
  expect([contract.health(), await usable()]).toEqual([{ required: false, up: true }, 1]);

  writeMapping('b');
  await eventually(() => expect(contract.mappings.knows('b')).toBe(true));
  expect(contract.mappings.knows('a')).toBe(false);

  writeMapping('c/#/d');
  await eventually(() => expect(contract.health().up).toBe(false));
  expect(contract.health()).toEqual({
    required: false,
    up: false,
    detail: expect.stringContaining('# stands at the end only'),
  });
  expect([contract.mappings.knows('b'), await usable()]).toEqual([true, 0]);
  expect(lines.filter((line) => line.includes('stay in force'))).toHaveLength(1);

  // A schema and the mapping that needs it: between the two, nothing fits, and the old ones stay.
  writeSchema('warmth');
  writeMapping('d', 'warmth');
  await eventually(() => expect(contract.mappings.knows('d')).toBe(true));
  expect([...(schemas.get('room/1')?.fields.keys() ?? [])]).toEqual(['warmth']);
  expect([contract.health().up, await usable()]).toEqual([true, 1]);
});

it('sees a file change behind a linked folder', async () => {
  writeSchema('temperature');
  writeMapping('a');
  const schemaDir = path.join(folder, 'schemas');
  renameSync(path.join(schemaDir, 'room'), path.join(folder, 'real'));
  symlinkSync('../real', path.join(schemaDir, 'room'));
  const log = createLogger({ name: 'test', level: 'fatal' }, { write: () => true });
  const mappingDir = path.join(folder, 'mappings');
  using contract = new ContractInForce({ schemaDir, mappings: [], mappingDir, siteZone: 'UTC' });
  contract.watch({ log, metrics: new Registry() }, 5);
  expect(contract.health().up).toBe(true);
  // In place: the folder itself stays as it is. The mapping names a field that is not there any more.
  const schema = {
    type: 'object',
    properties: { humidity: { type: 'number' } },
    additionalProperties: false,
  };
  writeFileSync(path.join(folder, 'real', '1.json'), JSON.stringify(schema));
  await eventually(() => expect(contract.health().up).toBe(false));
});
