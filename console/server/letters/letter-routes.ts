import type { FastifyInstance } from 'fastify';
import type { LetterFilter } from '#console/api/dead-letters.ts';
import { described, OBJECT } from '#console/server/answers/api-answers.ts';
import { cursor, limit, minutes } from '#console/server/answers/query-kinds.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import type { LetterIndex } from './letter-index.ts';
import { groupsOf, overTime, pageOf } from './letter-lists.ts';
import { choiceOf, FILTER_PROPERTIES } from './letter-query.ts';
import { letterStory } from './letter-story.ts';

const filter = (more: object) => ({ type: 'object', properties: { ...FILTER_PROPERTIES, ...more } }) as const;

/** `/dead-letters` and what is below it, but for what changes something. */
export function letterRoutes(
  index: LetterIndex,
  parts: Pick<ConsoleParts, 'eventLog' | 'topics' | 'contract'>,
  now: () => number,
): (server: FastifyInstance) => Promise<void> {
  return async (server) => {
    server.get<{ Querystring: LetterFilter & { cursor: number; limit: number } }>(
      '/dead-letters',
      {
        schema: {
          ...described('Dead letters, the newest first, duplicates folded.', OBJECT),
          querystring: filter({ cursor, limit: limit(1_000, 100) }),
        },
      },
      async ({ query: { cursor: skip, limit: most, ...asked } }) =>
        pageOf(await index.look(), choiceOf(asked), skip, most),
    );
    server.get<{ Querystring: LetterFilter }>(
      '/dead-letters/groups',
      {
        schema: {
          ...described('Dead letters by what is wrong with them, the most first.', OBJECT),
          querystring: filter({}),
        },
      },
      async ({ query }) => groupsOf(await index.look(), choiceOf(query)),
    );
    server.get<{ Querystring: LetterFilter & { minutes: number } }>(
      '/dead-letters/over-time',
      {
        schema: {
          ...described('Dead letters by reason over time, in columns.', OBJECT),
          querystring: filter({ minutes }),
        },
      },
      async ({ query: { minutes: span, ...asked } }) =>
        overTime(await index.look(), choiceOf(asked), span, now()),
    );
    server.get<{ Params: { id: string } }>(
      '/dead-letters/:id',
      {
        schema: {
          ...described('One letter: headers, payload, what is wrong in it and where.', OBJECT),
          params: { type: 'object', properties: { id: { type: 'string', maxLength: 40 } } },
        },
      },
      ({ params: { id } }) => letterStory(id, index, parts),
    );
  };
}
