import type { FastifyInstance } from 'fastify';
import type { TraceAnswer } from '#console/api/trace.ts';
import { ApiFailure, described, OBJECT } from '#console/server/answers/api-answers.ts';
import { milliseconds } from '#console/server/answers/query-kinds.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import { isDeviceId } from '#contract/device-topic.ts';
import { spanOf } from '#processors/trace/span-of.ts';
import { traceReading } from '#processors/trace/trace.ts';
import { TimeSlice } from '#runtime/time-slice.ts';
import { traceAnswer } from './trace-answer.ts';

const query = {
  type: 'object',
  required: ['device'],
  properties: {
    device: { type: 'string', maxLength: 64 },
    seq: milliseconds,
    at: { type: 'string', maxLength: 40 },
  },
} as const;
/** Of a log that is long. Then the command still can. */
const PATIENCE_MS = 60_000;

/**
 * `/trace`: looks through the log for one reading. One question at a time, since each reads all that the log keeps; it ends with
 * the connection of who asked.
 */
export function traceRoutes({
  eventLog,
  store,
  topics,
  group,
}: Pick<ConsoleParts, 'eventLog' | 'store' | 'topics' | 'group'>): (
  server: FastifyInstance,
) => Promise<void> {
  let isTracing = false;
  return async (server) => {
    server.get<{ Querystring: { device: string; seq?: number; at?: string } }>(
      '/trace',
      {
        schema: {
          ...described('Where one reading is, and why it is stuck there.', OBJECT),
          querystring: query,
        },
      },
      async ({ query: { device: deviceId, seq, at } }, reply): Promise<TraceAnswer> => {
        if (!isDeviceId(deviceId))
          throw new ApiFailure(400, 'bad-request', 'Expected a device id: 1 to 64 of A-Z a-z 0-9 . _ : -');
        const wanted = seq === undefined ? at && spanOf(at) : { seq };
        if (!wanted || (seq !== undefined && at !== undefined))
          throw new ApiFailure(
            400,
            'bad-request',
            'Expected either seq, or at: milliseconds since the epoch, or a time such as 2026-11-20T10:00:00Z.',
          );
        if (isTracing)
          throw new ApiFailure(429, 'too-many', 'Another reading is being looked for: wait for its end.');
        isTracing = true;
        const stop = new AbortController();
        const timer = setTimeout(() => stop.abort(new Error('it takes too long')), PATIENCE_MS);
        reply.raw.once('close', () => stop.abort(new Error('nobody waits for it')));
        try {
          const slice = new TimeSlice();
          return traceAnswer(
            await traceReading(
              { deviceId, wanted },
              {
                eventLog,
                store,
                topics,
                group,
                signal: stop.signal,
                onProgress: () => (slice.isOver() ? slice.rest(stop.signal) : undefined),
              },
            ),
          );
        } catch (error) {
          if (!stop.signal.aborted) throw error;
          throw new ApiFailure(
            503,
            'unavailable',
            `The log is long: npm run trace -- ${deviceId} looks through all of it.`,
          );
        } finally {
          clearTimeout(timer);
          isTracing = false;
        }
      },
    );
  };
}
