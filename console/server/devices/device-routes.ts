import type { FastifyInstance } from 'fastify';
import type { DeviceSort, DeviceState, DeviceStory } from '#console/api/devices.ts';
import { ApiFailure, described, OBJECT } from '#console/server/answers/api-answers.ts';
import { cursor, limit, milliseconds, minutes } from '#console/server/answers/query-kinds.ts';
import { storeInTime } from '#console/server/answers/store-in-time.ts';
import { Turns } from '#console/server/answers/turns.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import { isDeviceId } from '#contract/device-topic.ts';
import { NEVER_CONNECTED } from '#ingest-gateway/intake/device.ts';
import { hasCode } from '#runtime/errors.ts';
import type { DeviceDirectory } from './device-directory.ts';
import { GAPS_AMONG, gapsIn, readingsOf } from './device-readings.ts';
import { rowOf } from './device-row.ts';
import { chartsOf, seriesOf } from './device-series.ts';
import type { SchemaSenders } from './schema-senders.ts';

/** Walks through the store at a time, of all who look: each may be one over many readings. */
const WALKS_AT_ONCE = 2;
const MINUTE_MS = 60_000;

const devicesQuery = {
  type: 'object',
  properties: {
    search: { type: 'string', maxLength: 200, default: '' },
    sort: {
      enum: ['id', 'lastSeen', 'accepted', 'refused', 'turnedAway', 'clockSkew'],
      default: 'id',
    },
    order: { enum: ['asc', 'desc'], default: 'asc' },
    state: { enum: ['connected', 'silent', 'refused', 'turned-away', 'off-clock'] },
    cursor,
    limit: limit(1_000, 100),
  },
} as const;
const schemaName = { type: 'string', maxLength: 80 } as const;
const device = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', maxLength: 64 } },
} as const;
const readingsQuery = {
  type: 'object',
  properties: { schema: schemaName, from: milliseconds, to: milliseconds, limit: limit(1_000, 100) },
} as const;
const points = { type: 'integer', minimum: 2, maximum: 2_000, default: 500 } as const;
const seriesQuery = {
  type: 'object',
  required: ['schema', 'field'],
  properties: {
    schema: schemaName,
    field: { type: 'string', maxLength: 64 },
    from: milliseconds,
    to: milliseconds,
    points,
  },
} as const;
const chartsQuery = {
  type: 'object',
  required: ['schema'],
  properties: { schema: schemaName, minutes, points },
} as const;

interface OneDevice {
  readonly Params: { readonly id: string };
}
interface Span {
  readonly from?: number;
  readonly to?: number;
}

/** `/devices` and what is below it. */
export function deviceRoutes(
  directory: DeviceDirectory,
  { devices, store, contract }: Pick<ConsoleParts, 'devices' | 'store' | 'contract'>,
  senders: SchemaSenders,
  now: () => number,
): (server: FastifyInstance) => Promise<void> {
  const turns = new Turns(WALKS_AT_ONCE);
  return async (server) => {
    server.get<{
      Querystring: {
        search: string;
        sort: DeviceSort;
        order: 'asc' | 'desc';
        state?: DeviceState;
        cursor: number;
        limit: number;
      };
    }>(
      '/devices',
      { schema: { ...described('Devices, searched, sorted, by pages.', OBJECT), querystring: devicesQuery } },
      ({ query: { cursor: skip, state, ...query } }) => directory.page({ ...query, state, skip }),
    );

    const describedAs = (summary: string, querystring?: object) => ({
      schema: { ...described(summary, OBJECT), params: device, ...(querystring && { querystring }) },
    });
    server.get<OneDevice>(
      '/devices/:id',
      describedAs('One device: its connections, gaps, schemas.'),
      async ({ params }): Promise<DeviceStory> => {
        const story = await storyOf(checked(params.id), { devices, store });
        senders.seen(story.id, story.schemas);
        return story;
      },
    );
    server.get<OneDevice & { Querystring: Span & { schema?: string; limit: number } }>(
      '/devices/:id/readings',
      describedAs('Its readings, the newest first.', readingsQuery),
      ({ params, query: { schema, from: fromMs, to: toMs, limit: most } }, reply) => {
        const id = checked(params.id);
        const query = { schema, fromMs, toMs, limit: most };
        if (schema === undefined && fromMs === undefined && toMs === undefined)
          return readingsOf(storeInTime(store), id, query);
        return turns.take(reply, (signal) => readingsOf(store, id, query, signal));
      },
    );
    server.get<OneDevice & { Querystring: Span & { schema: string; field: string; points: number } }>(
      '/devices/:id/series',
      describedAs('One field over time, for a chart.', seriesQuery),
      ({ params, query: { from: fromMs, to: toMs, ...query } }, reply) => {
        const id = checked(params.id);
        return turns.take(reply, (signal) =>
          seriesOf(store, contract.schemas, id, { ...query, fromMs, toMs }, signal),
        );
      },
    );
    server.get<OneDevice & { Querystring: { schema: string; minutes: number; points: number } }>(
      '/devices/:id/charts',
      describedAs('All fields of a type over the last minutes, for charts.', chartsQuery),
      ({ params, query: { minutes: span, ...query } }, reply) => {
        const id = checked(params.id);
        const fromMs = now() - span * MINUTE_MS;
        return turns.take(reply, (signal) =>
          chartsOf(store, contract.schemas, id, { ...query, fromMs }, signal),
        );
      },
    );
  };
}

/** @throws ApiFailure it is no name of a device */
function checked(id: string): string {
  if (isDeviceId(id)) return id;
  throw new ApiFailure(400, 'bad-request', 'Expected a device id: 1 to 64 of A-Z a-z 0-9 . _ : -');
}

/** @throws ApiFailure nobody knows it, or nobody who can be asked */
async function storyOf(
  id: string,
  { devices, store }: Pick<ConsoleParts, 'devices' | 'store'>,
): Promise<DeviceStory> {
  const [status, readings] = await Promise.all([
    devices.story(id),
    storeInTime(store)
      .latest(id, GAPS_AMONG)
      .catch((error: unknown) => {
        if (hasCode(error, 'store-unavailable')) return undefined;
        throw error;
      }),
  ]);
  if (status === undefined && readings === undefined)
    throw new ApiFailure(
      503,
      'unavailable',
      'No gateway knows a device of this name, and the store cannot be asked.',
    );
  if (status === undefined && readings?.length === 0)
    throw new ApiFailure(
      404,
      'not-found',
      'No device of this name is known, and the store has nothing of it.',
    );
  const known = status ?? { ...UNKNOWN, id };
  return {
    ...rowOf(known),
    via: known.via ?? null,
    labels: known.labels ?? {},
    connections: known.connections,
    takeovers: known.takeovers,
    slowedMs: known.slowedMs,
    discarded: known.discarded,
    gaps: readings === undefined ? null : gapsIn(readings),
    schemas: [...new Set((readings ?? []).map(({ schema }) => schema))].sort(),
  };
}

/** Of a device that the store alone knows: no gateway has seen it since it began. */
const UNKNOWN = { ...NEVER_CONNECTED, connections: [] };
