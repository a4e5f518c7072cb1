import type { FastifyInstance } from 'fastify';
import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS } from '#contract/limits.ts';
import { describeError, hasCode } from '#runtime/errors.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

const DEFAULT_LIMIT = 100;

interface ReadingsRequest {
  readonly Params: { readonly id: string };
  readonly Querystring: { readonly limit?: string | string[] };
}

/**
 * `GET /api/devices/{id}/readings?limit=`: the newest readings of a device, newest first, as
 * `{device, readings: [{schema, ts, seq, values}]}`. Errors are `{error}`: 400 for a wrong id or limit, 503 while the
 * store cannot be asked.
 */
export function readingsRoutes(store: Pick<TelemetryStore, 'latest'>): (server: FastifyInstance) => void {
  return (server) => {
    server.get<ReadingsRequest>('/api/devices/:id/readings', async ({ params, query }, reply) => {
      const { id: device } = params;
      if (!isDeviceId(device)) {
        const expected = `1 to ${LIMITS.deviceIdLength} of A-Z a-z 0-9 . _ : -`;
        return reply.code(400).send({ error: `device id: expected ${expected}` });
      }
      const limit = limitOf(query.limit);
      if (limit === undefined) {
        return reply
          .code(400)
          .send({ error: `limit: expected a whole number from 1 to ${LIMITS.readingsPerQuery}` });
      }
      try {
        return { device, readings: await store.latest(device, limit) };
      } catch (error) {
        if (!hasCode(error, 'store-unavailable')) throw error;
        return reply.code(503).send({ error: describeError(error) });
      }
    });
  };
}

function limitOf(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return DEFAULT_LIMIT;
  if (typeof text !== 'string' || !/^\d{1,5}$/.test(text)) return undefined;
  const limit = Number(text);
  return limit >= 1 && limit <= LIMITS.readingsPerQuery ? limit : undefined;
}
