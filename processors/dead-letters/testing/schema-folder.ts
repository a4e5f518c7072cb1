import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A type that the shipped schemas do not know. */
const GREENHOUSE = 'greenhouse/1';

export interface SchemaFolder extends Disposable {
  readonly folder: string;
  addGreenhouse(): void;
}

/** An empty `SCHEMA_DIR`, to which the operator adds a file later. */
export function schemaFolder(): SchemaFolder {
  const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
  return {
    folder,
    addGreenhouse() {
      mkdirSync(join(folder, 'greenhouse'));
      const schema = {
        type: 'object',
        properties: { light: { type: 'number', minimum: 0 } },
        required: ['light'],
        additionalProperties: false,
      };
      writeFileSync(join(folder, 'greenhouse', '1.json'), JSON.stringify(schema));
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true });
    },
  };
}

export function greenhouseReading(seq: number, ts = Date.now() - 60_000 + seq): string {
  return JSON.stringify({ schema: GREENHOUSE, ts, seq, values: { light: seq / 2 } });
}
