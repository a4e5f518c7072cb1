import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dashboardFiles } from '#grafana/build/dashboards.ts';
import { dashboardsDocument } from '#grafana/build/readme.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { configurationDocument } from './configuration.ts';
import { eventsDocument } from './events.ts';
import { metricsDocument } from './metrics.ts';
import { mqtt5Document } from './mqtt5.ts';
import { openApiDocument } from './openapi.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** Every generated document, by its path below the repository's root. */
export async function generatedDocuments(): Promise<ReadonlyMap<string, string>> {
  const schemas = loadSchemas();
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  return new Map([
    ['docs/events.md', eventsDocument(schemas)],
    ['docs/asyncapi.yaml', asyncApiDocument(schemas, version)],
    ['docs/openapi.json', await openApiDocument(schemas)],
    ['docs/configuration.md', configurationDocument()],
    ['docs/mqtt5.md', mqtt5Document()],
    ['docs/metrics.md', await metricsDocument(schemas)],
    ['grafana/README.md', dashboardsDocument()],
    ...dashboardFiles(),
  ]);
}

export function documentPath(name: string): string {
  return path.join(ROOT, name);
}
