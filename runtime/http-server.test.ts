import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { hasCode } from '#runtime/errors.ts';
import { type ReadinessCheck, startHttpServer } from '#runtime/http-server.ts';

const start = (checks: Record<string, ReadinessCheck>, port = 0) =>
  startHttpServer({ host: '127.0.0.1', port, metrics: new Registry(), readiness: () => checks });

describe('HTTP server', () => {
  it('is ready as long as everything required is up', async () => {
    const checks = {
      log: { required: true, up: true },
      store: { required: false, up: false, detail: 'away' },
    };
    await using server = await start(checks);
    const ready = await fetch(`http://127.0.0.1:${server.port}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, checks }]);
    checks.log.up = false;
    expect((await fetch(`http://127.0.0.1:${server.port}/readyz`)).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).headers.get('content-type')).toContain(
      'text/plain',
    );
  });

  it('[P10] names the variable when its port is taken', async () => {
    await using server = await start({});
    await expect(start({}, server.port)).rejects.toSatisfy(
      (error) => hasCode(error, 'configuration') && error.message.includes('HTTP_PORT'),
    );
  });
});
