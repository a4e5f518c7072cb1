import type { FastifyInstance } from 'fastify';
import type { IngestGateway } from './gateway.ts';
import type { Trouble } from './intake/device-watch.ts';

/** Devices in one answer. */
const MAX_DEVICES = 10_000;
/** A hundred years: longer than any process, and far from overflow. */
const MAX_SECONDS = 100 * 365 * 24 * 60 * 60;

const devicesQuery = {
  type: 'object',
  properties: {
    'silent-for': { type: 'number', minimum: 0, maximum: MAX_SECONDS, default: 0 },
    id: { type: 'string', maxLength: 64 },
    trouble: { enum: ['any', 'refused', 'silent'] },
    limit: { type: 'integer', minimum: 1, maximum: MAX_DEVICES, default: MAX_DEVICES },
  },
} as const;

interface DevicesQuery {
  readonly 'silent-for': number;
  readonly id?: string;
  readonly trouble?: 'any' | 'refused' | 'silent';
  readonly limit: number;
}

/**
 * `/api/accounting`, `/api/devices` (`?silent-for=` seconds, `?id=`, `?trouble=any|refused|silent`, `?limit=` of each
 * list) and `/api/devices/{id}` (with when it came and went), for the process that runs the gateway:
 * `startHttpServer({ …, routes: gatewayRoutes(gateway) })`.
 */
export function gatewayRoutes(
  gateway: Pick<IngestGateway, 'accounting' | 'device' | 'devices' | 'strangers'>,
): (server: FastifyInstance) => void {
  return (server) => {
    server.get('/api/accounting', async () => gateway.accounting());
    server.get<{ Params: { id: string } }>('/api/devices/:id', async ({ params }, reply) => {
      const story = gateway.device(params.id);
      return story ?? reply.code(404).send({ error: 'no device of this name was let in since the start' });
    });
    server.get<{ Querystring: DevicesQuery }>(
      '/api/devices',
      { schema: { querystring: devicesQuery } },
      async ({ query }) => {
        const { id: wanted, trouble, limit } = query;
        const isMeant = (id: string | null | undefined): boolean => wanted === undefined || id === wanted;
        const devices = gateway
          .devices(query['silent-for'] * 1000)
          .filter((device) => isMeant(device.id) && (trouble === undefined || isIn(trouble, device)));
        const { strangers, addresses } = gateway.strangers();
        return {
          total: devices.length,
          devices: devices.slice(0, limit),
          strangers: strangers.filter(({ id }) => isMeant(id)).slice(0, limit),
          addresses: addresses.filter(({ lastRefusal }) => isMeant(lastRefusal?.device)).slice(0, limit),
        };
      },
    );
  };
}

function isIn(
  trouble: NonNullable<DevicesQuery['trouble']>,
  { refusedSince, silentSince }: Trouble,
): boolean {
  return (trouble !== 'silent' && refusedSince !== null) || (trouble !== 'refused' && silentSince !== null);
}
