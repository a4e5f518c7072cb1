import type { FastifyInstance } from 'fastify';
import type { IngestGateway } from './gateway.ts';

/** Devices in one answer. */
const MAX_DEVICES = 10_000;
/** A hundred years: longer than any process, and far from overflow. */
const MAX_SECONDS = 100 * 365 * 24 * 60 * 60;

const devicesQuery = {
  type: 'object',
  properties: {
    'silent-for': { type: 'number', minimum: 0, maximum: MAX_SECONDS, default: 0 },
    limit: { type: 'integer', minimum: 1, maximum: MAX_DEVICES, default: MAX_DEVICES },
  },
} as const;

/**
 * `/api/accounting` and `/api/devices` (`?silent-for=` seconds, `?limit=`), for the process that runs the gateway:
 * `startHttpServer({ …, routes: gatewayRoutes(gateway) })`.
 */
export function gatewayRoutes(
  gateway: Pick<IngestGateway, 'accounting' | 'devices'>,
): (server: FastifyInstance) => void {
  return (server) => {
    server.get('/api/accounting', async () => gateway.accounting());
    server.get<{ Querystring: { 'silent-for': number; limit: number } }>(
      '/api/devices',
      { schema: { querystring: devicesQuery } },
      async ({ query }) => {
        const devices = gateway.devices(query['silent-for'] * 1000);
        return { total: devices.length, devices: devices.slice(0, query.limit) };
      },
    );
  };
}
