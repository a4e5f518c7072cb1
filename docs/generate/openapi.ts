import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { startConsole } from '#console/server/console-server.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import { LIMITS } from '#contract/limits.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { HttpDoor } from '#runtime/http-guard.ts';
import { createLogger } from '#runtime/logger.ts';

/** The document that a running console answers, of one that looks at nothing. */
export async function openApiDocument(schemas: SchemaRegistry): Promise<string> {
  const server = Fastify();
  const log = createLogger({ name: 'docs', level: 'fatal' }, { write: () => undefined });
  const nothing = { takeSamples: async () => [], contract: { schemas } } as unknown as ConsoleParts;
  const deps = { log, metrics: new Registry(), now: () => 0, random: () => 0 };
  await using console = startConsole({ limits: LIMITS }, { ...nothing, mode: 'standalone' }, deps, undefined);
  console.routes(server, new HttpDoor({ host: '127.0.0.1' }));
  const { payload } = await server.inject({ path: '/api/v1/openapi.json', headers: { host: 'localhost' } });
  await server.close();
  return `${JSON.stringify(JSON.parse(payload), null, 2)}\n`;
}
