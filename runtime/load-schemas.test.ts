import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  it('[P10] names SCHEMA_DIR, the file and what is wrong with it', () => {
    mkdirSync(path.join(folder, 'pump'));
    writeFileSync(path.join(folder, 'pump', '1.json'), '{');
    writeFileSync(path.join(folder, 'pump', '2.json'), '{}');
    writeFileSync(path.join(folder, 'pump', 'notes.txt'), 'left alone');
    expect(() => loadSchemas(folder)).toThrow(
      /SCHEMA_DIR: .*pump\/1\.json: .*\nSCHEMA_DIR: .*pump\/2\.json: must have/,
    );
    expect(() => loadSchemas(path.join(folder, 'missing'))).toThrow(/SCHEMA_DIR: .*missing: ENOENT/);
  });
});
