import type { FastifyInstance } from 'fastify';
import type { JobList, JobStarted, LetterChange, LetterSubmission } from '#console/api/dead-letters.ts';
import { ApiFailure, described, EVENTS, OBJECT } from '#console/server/answers/api-answers.ts';
import { limit } from '#console/server/answers/query-kinds.ts';
import type { ConsoleTelemetry } from '#console/server/telemetry.ts';
import { clientAddress } from '#runtime/client-address.ts';
import type { Jobs, JobWork } from './jobs.ts';
import { type ChangeDeps, dismissJob, replayJob, submitJob } from './letter-changes.ts';
import type { LetterIndex } from './letter-index.ts';
import { withCopies } from './letter-lists.ts';
import { checkedId, choiceOf, FILTER_PROPERTIES } from './letter-query.ts';

/** As many as a page shows. */
const MAX_IDS = 1_000;
const judgeAt = {
  anyOf: [{ enum: ['received', 'now'] }, { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }],
} as const;
const change = {
  type: 'object',
  required: ['dryRun'],
  additionalProperties: false,
  properties: {
    ids: { type: 'array', maxItems: MAX_IDS, items: { type: 'string', maxLength: 40 } },
    filter: { type: 'object', additionalProperties: false, properties: FILTER_PROPERTIES },
    copies: { type: 'boolean' },
    dryRun: { type: 'boolean' },
    judgeAt,
    parked: { type: 'boolean' },
  },
} as const;
const submission = {
  type: 'object',
  required: ['id', 'payload', 'dryRun'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', maxLength: 40 },
    payload: { type: 'string', maxLength: 256 * 1024 },
    dryRun: { type: 'boolean' },
    judgeAt,
  },
} as const;
/** A payload as large as the gateway takes, as JSON text in which each character may be an escape. */
const BODY_BYTES = 1024 * 1024;
const oneJob = { type: 'object', properties: { id: { type: 'string', maxLength: 40 } } } as const;

/** What changes dead letters, and the jobs that it makes. */
export function changeRoutes(
  jobs: Jobs,
  index: LetterIndex,
  deps: ChangeDeps,
  telemetry: ConsoleTelemetry,
): (server: FastifyInstance) => Promise<void> {
  const started = (work: JobWork, address: string, what: object): JobStarted => {
    const { kind, dryRun } = work;
    const job = jobs.start(work, address, ({ id, state, counts, error }) => {
      index.outdated();
      if (!dryRun) telemetry.ended(kind, { job: id, state, counts, ...(error !== null && { error }) });
    });
    if (!dryRun) telemetry.acted(kind, { address, job, ...what });
    return { job };
  };
  return async (server) => {
    for (const kind of ['replay', 'dismiss', 'undo'] as const) {
      server.post<{ Body: LetterChange }>(
        `/dead-letters/${kind}`,
        { schema: { ...described(SUMMARIES[kind], OBJECT, 202), body: change } },
        async (request, reply) => {
          const { ids: named = [], filter: asked = {}, copies = false, ...options } = request.body;
          const ids = copies ? await withCopies(named, await index.look(), choiceOf(asked)) : named;
          const { filter } = choiceOf(asked, ids);
          if (Object.keys(filter).length === 0)
            throw new ApiFailure(400, 'bad-request', 'Expected ids or a filter, not everything at once.');
          const work =
            kind === 'replay' ? replayJob(filter, options, deps) : dismissJob(kind, filter, options, deps);
          const what = { ids: named.slice(0, 100), filter: asked, ...(copies && { copies }) };
          return reply.code(202).send(started(work, clientAddress(request), what));
        },
      );
    }
    server.post<{ Body: LetterSubmission }>(
      '/dead-letters/submit',
      {
        bodyLimit: BODY_BYTES,
        schema: { ...described('Hands in what a person made of a letter.', OBJECT, 202), body: submission },
      },
      async (request, reply) => {
        const id = checkedId(request.body.id);
        const work = submitJob({ ...request.body, id }, deps);
        return reply.code(202).send(started(work, clientAddress(request), { id }));
      },
    );
    server.get<{ Querystring: { limit: number } }>(
      '/jobs',
      {
        schema: {
          ...described('What is being changed, and was changed lately, the newest first.', OBJECT),
          querystring: { type: 'object', properties: { limit: limit(50, 10) } },
        },
      },
      async ({ query }): Promise<JobList> => ({ jobs: jobs.changes(query.limit) }),
    );
    server.get<{ Params: { id: string } }>(
      '/jobs/:id',
      { schema: { ...described('How far a job is, and what it did.', OBJECT), params: oneJob } },
      async ({ params: { id } }) => jobs.get(id),
    );
    server.get<{ Params: { id: string } }>(
      '/jobs/:id/events',
      {
        exposeHeadRoute: false,
        schema: {
          ...described('The same as server-sent events `progress`, and `result` at the end.', EVENTS),
          params: oneJob,
        },
      },
      async ({ params: { id } }, reply) => jobs.follow(id, reply),
    );
    server.delete<{ Params: { id: string } }>(
      '/jobs/:id',
      { schema: { ...described('Interrupts a job: what was done is kept.', OBJECT), params: oneJob } },
      async (request) => {
        const { id, state, dryRun } = jobs.interrupt(request.params.id);
        if (state === 'running' && !dryRun)
          telemetry.acted('interrupt', { address: clientAddress(request), job: id });
        return jobs.get(id);
      },
    );
  };
}

const SUMMARIES = {
  replay: "Judges letters again by today's schemas and mappings, and hands in again those that pass.",
  dismiss: 'Marks letters as dealt with.',
  undo: 'Takes back dismissals: the letters wait again.',
} as const;
