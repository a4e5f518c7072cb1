import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { startHttpServer } from '#runtime/http-server.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { connectPacket, publishPacket, RawClient } from './testing/raw-client.ts';
import { reading, startTestGateway } from './testing/test-gateway.ts';

describe('HTTP', () => {
  it('tells the books and the devices', async () => {
    let now = Date.now();
    await using test = await startTestGateway({}, { now: () => now });
    await using http = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      metrics: new Registry(),
      readiness: () => test.gateway.readiness(),
      routes: gatewayRoutes(test.gateway),
    });
    const get = async (path: string): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(`http://127.0.0.1:${http.port}${path}`);
      return { status: response.status, body: await response.json() };
    };
    const silentSince = now;
    const silent = await RawClient.device(test.port, 'dev-1');
    silent.send(publishPacket('dev-1', `[${reading(1, now)},{}]`, 1));
    await silent.next();
    now += 3_600_000;
    await RawClient.device(test.port, 'dev-2');

    expect(await get('/api/accounting')).toEqual({
      status: 200,
      body: { decoded: 2, appended: 1, deadLettered: 1, unconfirmed: 0, ignored: 0 },
    });
    const device = {
      id: 'dev-1',
      connected: true,
      lastSeen: silentSince,
      mqttVersion: '3.1.1',
      accepted: 1,
      refused: { 'schema-violation': 1 },
      discarded: {},
      address: '127.0.0.1',
      takeovers: 0,
      lastTakeover: null,
      slowedMs: 0,
      refusedSince: null,
      silentSince: null,
      refusals: {},
      lastRefusal: null,
    };
    const nobody = { strangers: [], addresses: [] };
    expect(await get('/api/devices?silent-for=3600')).toEqual({
      status: 200,
      body: { total: 1, devices: [device], ...nobody },
    });
    expect(await get('/api/devices?limit=1')).toEqual({
      status: 200,
      body: { total: 2, devices: [device], ...nobody },
    });
    expect(await get('/api/devices/dev-1')).toEqual({
      status: 200,
      body: {
        ...device,
        connections: [{ at: silentSince, event: 'connect', why: null, address: '127.0.0.1' }],
      },
    });
    expect((await get('/api/devices/dev-3')).status).toBe(404);
    const stranger = await RawClient.open(test.port);
    stranger.send(connectPacket('dev-3', { username: 'dev-4', password: Buffer.from('x') }));
    await stranger.closed;
    const lastRefusal = { reason: 'wrong-identity', address: '127.0.0.1', device: 'dev-3' };
    expect(await get('/api/devices?id=dev-3')).toMatchObject({
      status: 200,
      body: {
        total: 0,
        devices: [],
        strangers: [{ id: 'dev-3', refusals: { 'wrong-identity': 1 }, lastRefusal }],
        addresses: [{ address: '127.0.0.1', lastRefusal }],
      },
    });
    expect(await get('/api/devices?id=dev-2')).toMatchObject({
      body: { total: 1, devices: [{ id: 'dev-2' }], ...nobody },
    });
    for (const query of ['silent-for=soon', 'silent-for=-1', 'limit=0', 'limit=1000000']) {
      expect((await get(`/api/devices?${query}`)).status, query).toBe(400);
    }
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { ready: true } });
    test.log.up = false;
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      body: { checks: { mqtt: { up: true }, eventLog: { up: false, detail: 'made unavailable' } } },
    });
  });
});
