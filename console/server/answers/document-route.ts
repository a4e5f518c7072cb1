import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

/** Made of the routes by `npm run docs`; a test compares. What makes it is for development only. */
const DOCUMENT = path.join(import.meta.dirname, '..', '..', '..', 'docs', 'openapi.json');

/** `/openapi.json`: what the API can do, for whoever asks. */
export function documentRoute(api: FastifyInstance): void {
  let document: Buffer | undefined;
  api.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, (_, reply) => {
    document ??= readFileSync(DOCUMENT);
    return reply.type('application/json; charset=utf-8').send(document);
  });
}
