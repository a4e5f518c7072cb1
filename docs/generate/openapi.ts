import swagger from '@fastify/swagger';
import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { startConsole } from '#console/server/console-server.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import { LIMITS } from '#contract/limits.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { HttpDoor } from '#runtime/http-guard.ts';
import { createLogger } from '#runtime/logger.ts';
import { OPENAPI } from './openapi-head.ts';

/** Of the routes of a console that looks at nothing, by the schemas that they judge requests by: what running ones hand out. */
export async function openApiDocument(schemas: SchemaRegistry): Promise<string> {
  const server = Fastify();
  const log = createLogger({ name: 'docs', level: 'fatal' }, { write: () => undefined });
  const nothing = { takeSamples: async () => [], contract: { schemas } } as unknown as ConsoleParts;
  const deps = { log, metrics: new Registry(), now: () => 0, random: () => 0 };
  await using console = startConsole({ limits: LIMITS }, { ...nothing, mode: 'standalone' }, deps, undefined);
  await server.register(swagger, OPENAPI);
  console.routes(server, new HttpDoor({ host: '127.0.0.1' }));
  await server.ready();
  const document = server.swagger();
  await server.close();
  return `${JSON.stringify(document, null, 2)}\n`;
}
