import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hasCode } from '#runtime/errors.ts';
import { type HttpServerOptions, type ReadinessCheck, startHttpServer } from '#runtime/http-server.ts';
import { eventually } from '#runtime/testing/eventually.ts';

const start = (checks: Record<string, ReadinessCheck>, port = 0, options: Partial<HttpServerOptions> = {}) =>
  startHttpServer({ host: '127.0.0.1', port, metrics: new Registry(), readiness: () => checks, ...options });

/** The status of an answer, asked by another name than the one that leads there. */
async function statusAskedAs(port: number, host: string, more: Readonly<Record<string, string>> = {}) {
  const asking = request({ port, host: '127.0.0.1', path: '/metrics', headers: { host, ...more } }).end();
  const [answer] = await once(asking, 'response');
  answer.resume();
  return answer.statusCode;
}

afterEach(() => vi.useRealTimers());

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

  it.each([
    ['127.0.0.1', 200],
    ['localhost:8080', 200],
    ['[::1]:8080', 200],
    ['192.0.2.1:8080', 200],
    ['ingest-gateway:8080', 200],
    ['gateway.plant.example', 200],
    ['GATEWAY.plant.example.:8080', 200],
    ['rebound.attacker.example', 421],
    ['plant.example', 421],
    ['127.0.0.1.attacker.example', 421],
  ])('asked as %j: %d', async (host, status) => {
    await using server = await start({}, 0, { allowedHosts: ['gateway.plant.example'] });
    expect(await statusAskedAs(server.port, host)).toBe(status);
  });

  it('[P9] a proxy that hands on what a client made up opens no other name', async () => {
    await using server = await start({}, 0, {
      trustedProxies: ['127.0.0.1'],
      allowedHosts: ['plant.example'],
    });
    const asked = (host: string, forwarded: string) =>
      statusAskedAs(server.port, host, { 'x-forwarded-host': forwarded });
    expect(await asked('rebound.attacker.example', 'localhost')).toBe(421);
    expect(await asked('localhost', 'rebound.attacker.example')).toBe(421);
    expect(await asked('localhost', 'plant.example')).toBe(200);
  });

  it.each([
    ['a password, also in a process without a console', { password: 'correct-horse-battery' }, 429],
    ['not a token, which is too long', { token: 'correct-horse-battery' }, 401],
  ])('[P9] guesses are slowed: %s', async (_, words, status) => {
    // The first wait is a second long, which is no longer than a slow machine takes to ask again.
    vi.useFakeTimers({ toFake: ['performance'] });
    const routes: HttpServerOptions['routes'] = (server) => server.get('/api/x', async () => 'x');
    await using server = await start({}, 0, { ...words, routes });
    const statusOf = async (word: string) =>
      (await fetch(`http://127.0.0.1:${server.port}/api/x`, { headers: { authorization: `Bearer ${word}` } }))
        .status;
    expect(await statusOf('correct-horse-battery')).toBe(200);
    for (let guess = 0; guess < 6; guess++) expect(await statusOf(`guess-${guess}`)).toBe(401);
    expect(await statusOf('guess-6')).toBe(status);
  });

  it('[P9] with a token, tells nothing without it, but that it lives', async () => {
    const token = 'correct-horse-battery';
    await using server = await start({}, 0, { token });
    const ask = async (path: string, authorization?: string) =>
      (
        await fetch(`http://127.0.0.1:${server.port}${path}`, {
          headers: authorization ? { authorization } : {},
        })
      ).status;
    const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;
    expect(await ask('/healthz')).toBe(200);
    expect(await ask('/readyz')).toBe(200);
    for (const right of [`Bearer ${token}`, `bearer ${token}`, basic(`any:${token}`)])
      expect(await ask('/metrics', right)).toBe(200);
    for (const bad of [
      undefined,
      'Bearer',
      'Bearer wrong',
      basic(`${token}:`),
      basic('x'),
      `Digest ${token}`,
      token,
    ])
      expect(await ask('/metrics', bad)).toBe(401);
    expect(await ask('/readyz/../metrics')).toBe(401);
    expect(await ask('/%6detrics')).toBe(401);
    expect(await ask('/%68ealthz')).toBe(200);
    expect(await ask('/no/such/path')).toBe(401);
  });

  it.each([
    ['/metrics', 401],
    ['/%6detrics', 401],
    ['/metri%63s?x', 401],
    ['http://127.0.0.1/metrics', 401],
    ['//metrics', 404],
    ['/./metrics', 404],
    ['/METRICS', 404],
    ['/healthz/../metrics', 404],
    ['/%61pi/x', 200],
    ['/api/x', 200],
  ])(
    '[P9] the password of the console does not open the metrics, however they are written: %s is %d',
    async (path, status) => {
      const password = 'correct horse battery';
      const routes: HttpServerOptions['routes'] = (server) => server.get('/api/x', async () => 'x');
      await using server = await start({}, 0, { token: 'a-token-of-a-program', password, routes });
      const headers = { authorization: `Bearer ${password}` };
      const asking = request({ port: server.port, host: '127.0.0.1', path, headers }).end();
      const [answer] = await once(asking, 'response');
      answer.resume();
      expect(answer.statusCode).toBe(status);
    },
  );

  it('[P10] ends requests that do not come to their end, and connections beyond its limit', async () => {
    await using server = await start({}, 0, { limits: { httpRequestMs: 50, httpConnections: 2 } });
    const slow = connect(server.port, '127.0.0.1');
    slow.write('GET /healthz HTTP/1.1\r\n');
    const silent = connect(server.port, '127.0.0.1');
    await Promise.all([once(slow, 'connect'), once(silent, 'connect')]);
    const third = connect(server.port, '127.0.0.1');
    const closed = [slow, silent, third].map((socket) => {
      socket.resume().on('error', () => undefined);
      return once(socket, 'close');
    });
    await Promise.all(closed);
    // A machine that stands still for 50 ms ends this one as well.
    await eventually(async () =>
      expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200),
    );
  });
});
