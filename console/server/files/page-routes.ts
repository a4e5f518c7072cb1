import { once } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NOTHING_HERE } from '#console/server/answers/api-answers.ts';
import type { HttpDoor } from '#runtime/http-guard.ts';
import { pathOf } from '#runtime/request-path.ts';
import { startThread } from '#runtime/start-thread.ts';
import type { PageFile } from './page-files.ts';

/** Below these nothing is a place in the page. */
const NO_PLACES = new Set(['api', 'metrics', 'healthz', 'readyz', 'page', 'lib', 'contract', 'runbooks']);

/**
 * The page: `/` and every path that a person may have in the address bar answers with it, `/page`, `/lib`, `/contract` and
 * `/runbooks` with its parts. They are the same for everybody and hold nothing of the pipeline, so a login can be shown; who
 * has not logged in gets the page with status 401.
 */
export function pageRoutes(door: HttpDoor): (server: FastifyInstance) => void {
  return (server) => {
    // With the first question, since most processes are never looked at; that the files can be read is tested.
    let files: Promise<ReadonlyMap<string, PageFile>> | undefined;
    server.get('/*', { config: { open: true }, schema: { hide: true } }, async (request, reply) => {
      const path = pathOf(request.url);
      // What failed, as when descriptors had run out, is tried again by the next question.
      files ??= preparedFiles().catch((error: unknown) => {
        files = undefined;
        throw error;
      });
      const file = (await files).get(path);
      if (file !== undefined && path !== '/') return sendFile(request, reply, file);
      if (NO_PLACES.has((path.split('/')[1] as string).toLowerCase()))
        return reply.code(404).send(NOTHING_HERE);
      const page = (await files).get('/') as PageFile;
      return sendFile(request, reply, page, door.letsIn(request) ? 200 : 401);
    });
  };
}

async function preparedFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const thread = startThread(new URL('./page-thread.ts', import.meta.url), { name: 'page' });
  const [files] = await once(thread, 'message');
  return files as ReadonlyMap<string, PageFile>;
}

function sendFile(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { type, tag, bodies }: PageFile,
  status = 200,
): FastifyReply {
  reply.headers({ etag: tag, 'cache-control': 'no-cache', vary: 'accept-encoding', 'content-type': type });
  if (status === 200 && headers['if-none-match']?.includes(tag)) return reply.code(304).send();
  const accepted = headers['accept-encoding'] ?? '';
  const encoding = (['br', 'gzip'] as const).find((name) =>
    new RegExp(`\\b${name}\\b(?!;q=0)`).test(accepted),
  );
  if (encoding !== undefined) reply.header('content-encoding', encoding);
  return reply.code(status).send(bodies[encoding ?? 'identity']);
}
