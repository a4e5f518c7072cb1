import { once } from 'node:events';
import { get } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ApiError, Session } from '#console/api/session.ts';
import { TestConsole } from '#console/server/testing/test-console.ts';

const PASSWORD = 'correct horse battery';

/** Whoever guesses has to wait for a second at first, which is no longer than a slow machine takes to ask again. */
const stopTheClock = (): unknown => vi.useFakeTimers({ toFake: ['performance'] });
afterEach(() => vi.useRealTimers());

describe('who may look [P9]', () => {
  it('everybody without a password, which loopback alone allows', async () => {
    await using test = await TestConsole.start({ writes: false });
    expect((await test.ask('/')).status).toBe(200);
    expect(await test.get<Session>('/session')).toEqual({ required: false, open: true });
  });

  it('nobody without the password, but for health and metrics', async () => {
    await using test = await TestConsole.start({ writes: false, password: PASSWORD });
    const status = async (path: string, headers: Record<string, string> = {}) =>
      (await test.ask(path, { headers })).status;
    for (const path of ['/api/v1/flow', '/api/v1/devices', '/api/v1/flow/events', '/'])
      expect(await status(path), path).toBe(401);
    for (const path of ['/healthz', '/metrics', '/api/v1/session'])
      expect(await status(path), path).toBe(200);
    expect(await status('/readyz')).toBeLessThanOrEqual(503);
    expect(await status('/api/v1/flow', { authorization: `Bearer ${PASSWORD}` })).toBe(200);
    const challenge = (await test.ask('/api/v1/flow')).headers.get('www-authenticate');
    expect(challenge, 'a browser would ask for it in front of the page').toBeNull();
    expect(await status('/api/v1/flow', { authorization: `Bearer ${PASSWORD.replaceAll(' ', '-')}` })).toBe(
      401,
    );
  });

  it('a browser after it has logged in, until it logs out', async () => {
    await using test = await TestConsole.start({ writes: false, password: PASSWORD });
    expect((await test.post('/session', { password: 'wrong' })).status).toBe(401);
    const login = await test.post('/session', { password: PASSWORD });
    expect([login.status, await login.json()]).toEqual([200, { required: true, open: true }]);
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^telemetry-console=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const headers = { cookie: cookie.split(';', 1)[0] as string };
    expect((await test.ask('/', { headers })).status).toBe(200);
    expect((await test.ask('/api/v1/flow', { headers })).status).toBe(200);
    await test.ask('/api/v1/session', { method: 'DELETE', headers });
    expect((await test.ask('/api/v1/flow', { headers })).status).toBe(401);
    expect(test.audited).toEqual([
      { event: 'console login refused', address: '127.0.0.1' },
      { event: 'console login', address: '127.0.0.1' },
    ]);
  });

  it('a program with the token, which also opens the metrics', async () => {
    const token = 'a-token-of-a-program';
    await using test = await TestConsole.start({ writes: false, password: PASSWORD, token });
    const headers = { authorization: `Bearer ${token}` };
    expect((await test.ask('/api/v1/flow', { headers })).status).toBe(200);
    expect((await test.ask('/metrics', { headers })).status).toBe(200);
    expect((await test.ask('/metrics')).status).toBe(401);
    const session = await test.post('/session', { password: PASSWORD });
    const cookie = session.headers.get('set-cookie') ?? '';
    expect((await test.ask('/metrics', { headers: { cookie } })).status).toBe(200);
  });

  it('nobody who guesses: after five wrong passwords none is looked at for a while', async () => {
    stopTheClock();
    const token = 'a-token-of-a-program';
    await using test = await TestConsole.start({ writes: false, password: PASSWORD, token });
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++)
      statuses.push((await test.post('/session', { password: `wrong ${i}` })).status);
    expect(statuses.slice(0, 6)).toEqual([401, 401, 401, 401, 401, 401]);
    expect(statuses.slice(6)).toEqual([429, 429]);
    const right = await test.post('/session', { password: PASSWORD });
    expect([right.status, Number(right.headers.get('retry-after'))]).toEqual([429, 1]);
    const headers = { authorization: `Bearer ${token}` };
    expect((await test.ask('/api/v1/flow', { headers })).status, 'a program').toBe(200);
  });
});

describe('behind a proxy', () => {
  const from = (address: string) => ({ 'x-forwarded-for': `203.0.113.9, ${address}` });

  it('[P9] whoever guesses keeps out himself alone, and is told of by his own address', async () => {
    stopTheClock();
    await using test = await TestConsole.start({
      writes: false,
      password: PASSWORD,
      trustedProxies: ['127.0.0.0/8'],
    });
    const login = async (password: string, address: string) =>
      (await test.post('/session', { password }, from(address))).status;
    for (let i = 0; i < 6; i++) expect(await login(`wrong ${i}`, `2001:db8::${i}`)).toBe(401);
    expect(await login(PASSWORD, '2001:db8::7'), 'of the same network').toBe(429);
    expect(await login(PASSWORD, '198.51.100.2')).toBe(200);
    expect(test.audited[0]).toEqual({ event: 'console login refused', address: '2001:db8::0' });
    expect(test.audited.at(-1)).toEqual({ event: 'console login', address: '198.51.100.2' });
  });

  it('that nobody said to trust, an address that a client makes up is none', async () => {
    stopTheClock();
    await using test = await TestConsole.start({ writes: false, password: PASSWORD });
    for (let i = 0; i < 6; i++) await test.post('/session', { password: 'wrong' }, from(`198.51.100.${i}`));
    expect((await test.post('/session', { password: PASSWORD }, from('198.51.100.99'))).status).toBe(429);
    expect(test.audited[0]).toMatchObject({ address: '127.0.0.1' });
  });

  it('the page may be asked for by the name that the proxy has, when it is allowed', async () => {
    await using test = await TestConsole.start({
      writes: false,
      trustedProxies: ['127.0.0.1'],
      allowedHosts: ['console.plant.example'],
    });
    const change = async (origin: string, host: string) =>
      (await test.post('/session', { password: 'x' }, { origin, 'x-forwarded-host': host })).status;
    expect(await change('https://console.plant.example', 'console.plant.example')).not.toBe(403);
    expect(await change('https://attacker.example', 'console.plant.example')).toBe(403);
    expect(await change('https://attacker.example', 'attacker.example')).toBe(421);
  });
});

describe('who may change', () => {
  it('our own page and programs, and no page of anybody else', async () => {
    await using test = await TestConsole.start({ writes: false, password: PASSWORD });
    const foreign: readonly Record<string, string>[] = [
      { origin: 'http://attacker.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:1' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
    ];
    for (const headers of foreign) {
      const answer = await test.post('/session', { password: PASSWORD }, headers);
      const told = [answer.status, ((await answer.json()) as ApiError).error.code];
      expect(told, JSON.stringify(headers)).toEqual([403, 'forbidden']);
    }
    const ours: readonly Record<string, string>[] = [
      { origin: test.url, 'sec-fetch-site': 'same-origin' },
      {},
    ];
    for (const headers of ours)
      expect((await test.post('/session', { password: PASSWORD }, headers)).status).toBe(200);
  });

  it('not even to make us read for a page that may not see it; a link to a page may be followed [P9]', async () => {
    await using test = await TestConsole.start({ writes: false });
    // Not by fetch, which says the mode itself.
    const status = async (path: string, site: string, mode: string, dest: string): Promise<number> => {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest };
      const [answer] = await once(get(`${test.url}${path}`, { headers }), 'response');
      answer.resume();
      return answer.statusCode;
    };
    const api = '/api/v1/devices';
    expect(await status(api, 'cross-site', 'no-cors', 'image')).toBe(403);
    expect(await status(api, 'same-site', 'cors', 'empty')).toBe(403);
    for (const dest of ['iframe', 'frame', 'object', 'embed', 'document'])
      for (const site of ['cross-site', 'same-site'])
        expect(await status(api, site, 'navigate', dest), `${site} ${dest}`).toBe(403);
    expect(await status('/devices', 'cross-site', 'navigate', 'document')).toBe(200);
    expect(await status(api, 'same-origin', 'cors', 'empty')).toBe(200);
    expect(await status(api, 'none', 'navigate', 'document')).toBe(200);
  });
});

describe('answers', () => {
  it('that are errors have one form', async () => {
    await using test = await TestConsole.start({ writes: false });
    const error = async (path: string) => {
      const answer = await test.ask(path);
      return [answer.status, ((await answer.json()) as ApiError).error.code];
    };
    expect(await error('/api/v1/nothing')).toEqual([404, 'not-found']);
    expect(await error('/api/v1/devices?limit=1001')).toEqual([400, 'bad-request']);
    expect(await error('/api/v1/devices/%3Cscript%3E')).toEqual([400, 'bad-request']);
    expect(await error('/api/v1/devices/never-seen')).toEqual([404, 'not-found']);
  });
});
