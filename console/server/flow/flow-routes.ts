import type { FastifyInstance } from 'fastify';
import { ApiFailure, described, EVENTS, OBJECT } from '#console/server/answers/api-answers.ts';
import { eventText } from '#console/server/answers/viewers.ts';
import type { FlowWatch } from './flow-watch.ts';

/** `/flow`, `/flow/history`, `/flow/events`. */
export function flowRoutes(watch: FlowWatch): (server: FastifyInstance) => Promise<void> {
  return async (server) => {
    server.get(
      '/flow',
      { schema: described('The flow now: rates, lag, books, problems (`console/api/flow.ts`).', OBJECT) },
      () => watch.flow(),
    );
    server.get('/flow/history', { schema: described('The last 15 minutes, in columns.', OBJECT) }, async () =>
      watch.history(),
    );
    server.get(
      '/flow/events',
      {
        exposeHeadRoute: false,
        schema: described(
          'The flow as server-sent events `flow`, at most one a second. Who does not take them is dropped.',
          EVENTS,
        ),
      },
      async (_request, reply) => {
        const flow = await watch.flow();
        const { viewers } = watch;
        if (viewers === undefined)
          throw new ApiFailure(503, 'too-many', 'Too many pages watch already: close some of them.');
        viewers.add(reply, eventText('flow', flow));
      },
    );
  };
}
