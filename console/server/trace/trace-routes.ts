import type { FastifyInstance } from 'fastify';
import type { TraceAnswer } from '#console/api/trace.ts';
import { ApiFailure, described, OBJECT } from '#console/server/answers/api-answers.ts';
import { milliseconds } from '#console/server/answers/query-kinds.ts';
import { storeInTime } from '#console/server/answers/store-in-time.ts';
import { Turns } from '#console/server/answers/turns.ts';
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
 * `/trace`: looks through the log for one reading. One question at a time, since each reads all that the log keeps; the others wait
 * for their turn. It ends with the connection of who asked.
 */
export function traceRoutes({
  eventLog,
  store,
  topics,
  group,
}: Pick<ConsoleParts, 'eventLog' | 'store' | 'topics' | 'group'>): (
  server: FastifyInstance,
) => Promise<void> {
  const turns = new Turns(1);
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
        return turns.take(reply, async (gone) => {
          const signal = AbortSignal.any([gone, AbortSignal.timeout(PATIENCE_MS)]);
          const slice = new TimeSlice();
          const onProgress = () => (slice.isOver() ? slice.rest(signal) : undefined);
          const deps = { eventLog, store: storeInTime(store), topics, group, signal, onProgress };
          try {
            return traceAnswer(await traceReading({ deviceId, wanted }, deps));
          } catch (error) {
            if (!signal.aborted) throw error;
            const words = `The log is long: npm run trace -- ${deviceId} looks through all of it.`;
            throw new ApiFailure(503, 'unavailable', words);
          }
        });
      },
    );
  };
}
