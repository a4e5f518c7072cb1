import type { FastifyInstance } from 'fastify';
import type { Session } from '#console/api/session.ts';
import { ApiFailure, described, OBJECT } from '#console/server/answers/api-answers.ts';
import type { ConsoleTelemetry } from '#console/server/telemetry.ts';
import { clientAddress } from '#runtime/client-address.ts';
import type { HttpDoor } from '#runtime/http-guard.ts';
import type { Sessions } from './sessions.ts';

const login = {
  type: 'object',
  required: ['password'],
  additionalProperties: false,
  properties: { password: { type: 'string', minLength: 1, maxLength: 1_000 } },
} as const;

/** `/session`: shows the password once, and is let in by a cookie from then on. Open to everybody. */
export function sessionRoutes(
  door: HttpDoor,
  sessions: Sessions,
  telemetry: ConsoleTelemetry,
): (server: FastifyInstance) => Promise<void> {
  return async (server) => {
    const open = { config: { open: true } };
    server.get(
      '/session',
      { ...open, schema: described('Whether a password is needed, and was shown.', OBJECT) },
      async (request): Promise<Session> => ({ required: door.isClosed, open: door.letsIn(request) }),
    );
    server.post<{ Body: { readonly password: string } }>(
      '/session',
      { ...open, schema: { ...described('Logs in: answers with a cookie.', OBJECT), body: login } },
      async (request, reply): Promise<Session> => {
        const address = clientAddress(request);
        const { isRight, waitMs } = door.tries(request.body.password, address);
        if (waitMs > 0) {
          reply.header('retry-after', Math.ceil(waitMs / 1000));
          throw new ApiFailure(429, 'too-many', 'Wrong passwords came before: wait a moment.');
        }
        if (!isRight) throw new ApiFailure(401, 'unauthorized', 'This is not the password.');
        sessions.open(request, reply);
        telemetry.acted('login', { address });
        return { required: door.isClosed, open: true };
      },
    );
    server.delete(
      '/session',
      { ...open, schema: described('Logs out.', OBJECT) },
      async (request, reply): Promise<Session> => {
        sessions.close(request, reply);
        return { required: door.isClosed, open: !door.isClosed };
      },
    );
  };
}
