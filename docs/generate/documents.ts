import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { configurationDocument } from './configuration.ts';
import { eventsDocument } from './events.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** Every generated document, by its path below the repository's root. */
export function generatedDocuments(): ReadonlyMap<string, string> {
  const schemas = loadSchemas();
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  return new Map([
    ['docs/events.md', eventsDocument(schemas)],
    ['docs/asyncapi.yaml', asyncApiDocument(schemas, version)],
    ['docs/configuration.md', configurationDocument()],
  ]);
}

export function documentPath(name: string): string {
  return path.join(ROOT, name);
}
