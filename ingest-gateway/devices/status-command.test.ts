import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { runDevices } from './testing/run-devices.ts';

const LAST = { at: 0, reason: 'bad-credentials', address: '192.0.2.7', device: 'dev-1', detail: null };
const ANSWER = {
  total: 1,
  devices: [
    {
      id: 'dev-1',
      connected: true,
      lastSeen: 0,
      address: '192.0.2.1',
      accepted: 7,
      refused: { 'schema-violation': 2 },
      discarded: {},
      refusedSince: 0,
      silentSince: null,
      takeovers: 3,
      slowedMs: 1_500,
      refusals: { 'bad-credentials': 4 },
      lastRefusal: LAST,
    },
  ],
  strangers: [{ id: 'x\u001b[2J\u202e', refusals: { 'wrong-identity': 1 }, lastRefusal: LAST }],
  addresses: [{ address: '192.0.2.7', refusals: { 'bad-credentials': 4 }, lastRefusal: LAST }],
};
const EMPTY = { total: 0, devices: [], strangers: [], addresses: [] };

const asked: { url: string | undefined; authorization: string | undefined }[] = [];
let answer: { status: number; body: string };
const server = createServer((request, response) => {
  asked.push({ url: request.url, authorization: request.headers.authorization });
  response.writeHead(answer.status).end(answer.body);
});
afterEach(() => void server.close());

const status = (argv: readonly string[], env: Record<string, string> = {}) =>
  runDevices(['status', ...argv], { env, now: () => 120_000 });

describe('npm run devices -- status', () => {
  it('asks the gateway of HTTP_HOST and HTTP_PORT, and shows devices, strangers and addresses', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = String((server.address() as AddressInfo).port);
    answer = { status: 200, body: JSON.stringify(ANSWER) };
    const { code, out } = await status([], { HTTP_HOST: '0.0.0.0', HTTP_PORT: port, HTTP_TOKEN: 'secret' });
    expect(code).toBe(0);
    expect(asked.at(-1)).toEqual({ url: '/api/devices', authorization: 'Bearer secret' });
    for (const shown of [
      'dev-1 ',
      '2 min ago',
      'refused for 2 min; turned away: bad',
      '192.0.2.7',
      'wrong-identity 1',
    ])
      expect(out).toContain(shown);
    // In a terminal of 80 columns, and where nobody says how many there are.
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(out).toContain('x\\u{1b}[2J\\u{202e}');
    for (const raw of ['\u001b', '\u202e']) expect(out).not.toContain(raw);

    const url = `http://127.0.0.1:${port}`;
    expect(JSON.parse((await status(['dev-1', '--json', '--url', url])).out)).toEqual(ANSWER);
    expect(asked.at(-1)?.url).toBe('/api/devices?id=dev-1');
    const one = (await status(['dev-1', '--url', url])).out;
    for (const shown of [
      '192.0.2.1',
      'schema-violation 2',
      'refused since',
      '1.5 s',
      'bad-credentials from 192.0.2.7',
    ])
      expect(one).toContain(shown);
    expect((await status(['--trouble', '--url', url])).out).toContain('1 device in trouble');
    expect(asked.at(-1)?.url).toBe('/api/devices?trouble=any');
    await status(['--trouble', 'silent', '--url', url]);
    expect(asked.at(-1)?.url).toBe('/api/devices?trouble=silent');
    expect((await status(['--trouble', 'nothing', '--url', url])).code).toBe(2);
    answer = { status: 200, body: JSON.stringify(EMPTY) };
    expect((await status(['dev-9', '--url', url])).out).toContain('dev-9: not seen');
    const withLogin = `http://u:p%40ss@127.0.0.1:${port}`;
    expect((await status(['--url', withLogin])).code).toBe(0);
    expect(asked.at(-1)?.authorization).toBe(`Basic ${Buffer.from('u:p@ss').toString('base64')}`);
    await status(['--url', withLogin], { HTTP_TOKEN: 'secret' });
    expect(asked.at(-1)?.authorization).toBe('Bearer secret');
    answer = { status: 401, body: '{}' };
    expect(await status(['--url', url])).toMatchObject({
      code: 1,
      err: expect.stringContaining('HTTP_TOKEN'),
    });
    answer = { status: 200, body: '<html>' };
    expect(await status(['--url', url])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no gateway'),
    });
  });

  it('says that no gateway answers, and where it asked', async () => {
    const port = String((await choosePorts([undefined]))[0]);
    expect(await status([], { HTTP_PORT: port })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(`no gateway answers at http://127.0.0.1:${port}`),
    });
    // As people write it, and as `URL` takes for an address of the scheme `127.0.0.1`, or of none.
    expect(await status(['--url', `127.0.0.1:${port}`])).toMatchObject({
      code: 1,
      err: expect.stringContaining(`no gateway answers at http://127.0.0.1:${port}`),
    });
    const { code, err } = await status(['--url', `http://u:hush@127.0.0.1:${port}`]);
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(`no gateway answers at http://127.0.0.1:${port}`),
    ]);
    expect(err).toContain('ECONNREFUSED');
    expect(err).not.toContain('hush');
    expect((await status(['--url', 'http://u:hush@localhost:port'])).err).not.toContain('hush');
    for (const address of ['mqtt://127.0.0.1:1883', 'localhost:port', ''])
      expect(await status(['--url', address])).toMatchObject({
        code: 2,
        err: expect.stringContaining('--url: expected an address'),
      });
  });
});
