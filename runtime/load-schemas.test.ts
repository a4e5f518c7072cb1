import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSchemas } from '#runtime/load-schemas.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'schemas-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadSchemas', () => {
  it('finds the shipped types', () => {
    expect([...loadSchemas().keys()]).toEqual([
      'energy-meter/1',
      'environment/1',
      'tracker/1',
      'vibration/1',
    ]);
  });

  const write = (name: string, content: unknown): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  };
  const schema = {
    type: 'object',
    properties: { flow: { type: 'number' } },
    additionalProperties: false,
  };

  it('[P10] names SCHEMA_DIR, the file and what is wrong with it', () => {
    const schemaDir = path.join(folder, 'broken');
    write('broken/pump/1.json', '{');
    write('broken/pump/2.json', '{}');
    write('broken/pump/notes.txt', 'left alone');
    expect(() => loadSchemas({ schemaDir })).toThrow(
      /SCHEMA_DIR: .*pump\/1\.json: .*\nSCHEMA_DIR: .*pump\/2\.json: must have/,
    );
    expect(() => loadSchemas({ schemaDir: path.join(folder, 'missing') })).toThrow(
      /SCHEMA_DIR: .*missing: ENOENT/,
    );
  });

  it('adds those of SCHEMA_DIR to the shipped ones, or takes them alone', () => {
    const schemaDir = path.join(folder, 'own');
    write('own/pump/1.json', schema);
    write('own/environment/2.json', schema);
    const shipped = [...loadSchemas().keys()];
    expect([...loadSchemas({ schemaDir }).keys()].sort()).toEqual(
      [...shipped, 'environment/2', 'pump/1'].sort(),
    );
    expect([...loadSchemas({ schemaDir, shippedSchemas: false }).keys()]).toEqual([
      'environment/2',
      'pump/1',
    ]);
  });

  it('[P10] refuses a type that is defined twice, with both paths', () => {
    const schemaDir = path.join(folder, 'twice');
    write('twice/environment/1.json', schema);
    expect(() => loadSchemas({ schemaDir })).toThrow(
      /SCHEMA_DIR: .*twice\/environment\/1\.json: environment\/1 is defined twice, here and in .*contract\/schemas\/environment\/1\.json/,
    );
    expect([...loadSchemas({ schemaDir, shippedSchemas: false }).keys()]).toEqual(['environment/1']);
  });

  it('follows links, as Kubernetes mounts a ConfigMap, and takes each file once', () => {
    const schemaDir = path.join(folder, 'mounted');
    write('mounted/..2026_12_31/pump/1.json', schema);
    write('elsewhere/1.json', schema);
    symlinkSync('..2026_12_31', path.join(schemaDir, '..data'));
    symlinkSync('..data/pump', path.join(schemaDir, 'pump'));
    mkdirSync(path.join(schemaDir, 'valve'));
    symlinkSync('../../elsewhere/1.json', path.join(schemaDir, 'valve', '1.json'));
    symlinkSync('nowhere', path.join(schemaDir, 'left-over'));
    const names = () => [...loadSchemas({ schemaDir, shippedSchemas: false }).keys()];
    expect(names()).toEqual(['pump/1', 'valve/1']);
    symlinkSync('nowhere', path.join(schemaDir, 'valve', '2.json'));
    expect(names).toThrow(/SCHEMA_DIR: .*valve\/2\.json: ENOENT/);
  });

  it.skipIf(process.platform === 'win32')('[P10] does not wait for what a pipe may bring', () => {
    const schemaDir = path.join(folder, 'pipes');
    mkdirSync(path.join(schemaDir, 'pump'), { recursive: true });
    execFileSync('mkfifo', [path.join(schemaDir, 'pump', '1.json')]);
    expect(() => loadSchemas({ schemaDir })).toThrow(/SCHEMA_DIR: .*pump\/1\.json: expected a file/);
  });

  it('takes the shipped folder as SCHEMA_DIR for what it is', () => {
    const schemaDir = path.join(import.meta.dirname, '..', 'contract', 'schemas');
    expect(loadSchemas({ schemaDir }).size).toBe(loadSchemas().size);
  });
});
