import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { names, point, range } from '#telemetry-store/suite/points.ts';
import { type InfluxTelemetryStoreOptions, openInfluxTelemetryStore } from './influx-telemetry-store.ts';

// What a real InfluxDB is hard to bring to: an HTTP server that follows a script. All else is in the *.real.test.ts.

interface SeenRequest {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Handler = (request: SeenRequest, response: ServerResponse) => void;

describe('InfluxDB driver, against a scripted server', () => {
  let server: Server;
  let url: string;
  let handle: Handler;
  const seen: SeenRequest[] = [];
  const deps = { log: createLogger({ name: 'test', level: 'silent' }), now: () => Date.now() };

  const open = (changes: Partial<InfluxTelemetryStoreOptions> = {}) =>
    openInfluxTelemetryStore({ url, token: 'secret', org: 'my org', bucket: 'b&c/d', ...changes }, deps);

  const answer =
    (status: number, body = '', headers: Record<string, string> = {}): Handler =>
    (_, response) =>
      void response.writeHead(status, headers).end(body);

  beforeEach(async () => {
    seen.length = 0;
    handle = answer(204);
    server = createServer(async (request, response) => {
      const plain = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request;
      const record = { url: request.url ?? '', headers: request.headers, body: await text(plain) };
      seen.push(record);
      handle(record, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const { measurement, device } = names();
  const points = range(200).map((i) => point(measurement, device, i, { temperature: i / 2 }, i));

  test('a write is one request, compressed, with our lines and precision', async () => {
    await open({ compress: true }).write(points);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.url).toBe('/api/v2/write?org=my+org&bucket=b%26c%2Fd&precision=ms');
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Token secret', 'content-encoding': 'gzip' });
    const lines = seen[0]?.body.split('\n');
    expect(lines).toHaveLength(200);
    expect(lines?.[3]).toBe(`${measurement},device=${device} schemaVersion=1i,seq=3i,temperature=1.5 3`);
  });

  test('a server on this machine gets it uncompressed', async () => {
    await open().write(points);
    expect(seen[0]?.headers['content-encoding']).toBeUndefined();
    expect(seen[0]?.body.split('\n')).toHaveLength(200);
  });

  test('a path in front of InfluxDB is kept', async () => {
    await open({ url: `${url}/influx/` }).write(points);
    await open({ url: `${url}/influx` }).trouble();
    expect(seen.map((request) => request.url.split('?')[0])).toEqual([
      '/influx/api/v2/write',
      '/influx/api/v2/write',
    ]);
  });

  test.each([
    [429, { 'retry-after': '3' }, { kind: 'retry', cause: 'overloaded', afterMs: 3_000 }],
    [503, {}, { kind: 'retry', cause: 'overloaded' }],
    [500, {}, { kind: 'retry', cause: 'server-error' }],
    [401, {}, { kind: 'misconfigured' }],
    [302, { location: '/elsewhere' }, { kind: 'misconfigured' }],
  ])('%d is the outcome of the whole write, after one request', async (status, headers, outcome) => {
    handle = answer(status, 'why', headers);
    expect(await open().write(points)).toMatchObject(outcome);
    expect(seen).toHaveLength(1);
  });

  test('too large: in parts that fit; a point that never fits is refused', async () => {
    const big = { ...points[0], fields: [{ name: 'x', kind: 'string', value: 'x'.repeat(5_000) }] } as const;
    handle = ({ body }, response) => void response.writeHead(body.length > 4_000 ? 413 : 204).end();
    const outcome = await open().write([
      ...points,
      { ...(points[0] as (typeof points)[0]), fields: big.fields },
    ]);
    expect(outcome).toEqual({ kind: 'written', rejected: [{ index: 200, reason: 'HTTP 413' }] });
    const stored = seen.filter(({ body }) => body.length <= 4_000).flatMap(({ body }) => body.split('\n'));
    expect(new Set(stored).size).toBe(200);
  });

  test('a retry in the middle of writing in parts is the outcome of the whole write', async () => {
    const refused = { code: 'unprocessable entity', message: 'partial write: something dropped=1' };
    handle = (_, response) => {
      if (seen.length === 4) response.writeHead(503).end();
      else response.writeHead(422, { 'content-type': 'application/json' }).end(JSON.stringify(refused));
    };
    expect(await open().write(points)).toMatchObject({ kind: 'retry', cause: 'overloaded' });
    expect(seen).toHaveLength(4);
  });

  test.each([
    [204, '', undefined],
    [400, JSON.stringify({ code: 'invalid', message: 'writing requires points' }), undefined],
    [401, JSON.stringify({ code: 'unauthorized', message: 'unauthorized access' }), 'check INFLUX_TOKEN'],
    [200, '<html>Welcome</html>', 'check INFLUX_URL'],
    [503, 'starting', 'HTTP 503: starting'],
  ])('[P7] trouble is found by a write of nothing: %d %s', async (status, body, words) => {
    handle = answer(status, body, {});
    const trouble = await open().trouble();
    if (words === undefined) expect(trouble).toBeUndefined();
    else expect(trouble).toContain(words);
    expect(seen.map((request) => request.body)).toEqual(['']);
  });

  test('no server: unreachable, and not alive', async () => {
    server.close();
    await once(server, 'close');
    const store = open();
    expect(await store.write(points)).toMatchObject({ kind: 'retry', cause: 'unreachable' });
    expect(await store.trouble()).toContain('ECONNREFUSED');
    await expect(store.latest('dev-1', 1)).rejects.toMatchObject({
      code: 'store-unavailable',
      retryable: true,
    });
    server.listen(0);
  });

  test('a connection that breaks before the answer: unreachable', async () => {
    handle = (_, response) => void response.destroy();
    expect(await open().write(points)).toMatchObject({ kind: 'retry', cause: 'unreachable' });
  });

  test('a server that does not answer: time-out, also in the middle of its answer', async () => {
    handle = () => {};
    const store = open({ requestTimeoutMs: 50 });
    expect(await store.write(points)).toMatchObject({ kind: 'retry', cause: 'timeout' });
    await expect(store.latest('dev-1', 1)).rejects.toThrow('no answer in time');
    handle = (_, response) => void response.writeHead(200).write('{"results":[');
    expect(await store.write(points)).toMatchObject({ kind: 'retry', cause: 'timeout' });
    await expect(store.latest('dev-1', 1)).rejects.toThrow('no answer in time');
  });

  test('[P2] an answer that is none of HTTP any more: told, and the next write goes through', async () => {
    handle = (_, response) =>
      void response.socket?.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
      );
    const store = open();
    expect(await store.write(points)).toMatchObject({
      kind: 'misconfigured',
      detail: expect.stringContaining('101'),
    });
    handle = answer(204);
    expect(await store.write(points)).toMatchObject({ kind: 'written' });
  });

  test('[P6] an answer that has no end is not gathered', async () => {
    const endless =
      (status: number): Handler =>
      (_, response) => {
        const more = Buffer.alloc(256 * 1024, ' ');
        const write = (): void => {
          while (!response.destroyed && response.write(more));
        };
        response.writeHead(status).on('drain', write);
        write();
      };
    handle = endless(500);
    const store = open();
    expect(await store.write(points)).toMatchObject({ kind: 'retry', cause: 'unreachable' });
    await expect(store.latest('dev-1', 1)).rejects.toThrow('InfluxDB answered 500');
    handle = endless(200);
    await expect(store.latest('dev-1', 1)).rejects.toThrow('does not end');
  });

  test('a write that is abandoned, or whose store is closed, ends at once', async () => {
    const arrived = Promise.withResolvers<void>();
    handle = () => arrived.resolve();
    const controller = new AbortController();
    const writing = open().write(points, controller.signal);
    await arrived.promise;
    controller.abort(new Error('the partition was lost'));
    expect(await writing).toMatchObject({ kind: 'retry', cause: 'aborted' });

    const store = open();
    const closing = store.write(points);
    await store.close();
    expect(await closing).toMatchObject({ kind: 'retry', cause: 'aborted' });
    expect(await store.write(points)).toMatchObject({ kind: 'retry', cause: 'aborted' });
  });

  describe('answers to queries that are not whole', () => {
    const measurements =
      '{"results":[{"series":[{"name":"measurements","columns":["name"],"values":[["m"]]}]}]}\n';
    const chunk = (partial: boolean) =>
      `${JSON.stringify({
        results: [
          {
            series: [
              {
                name: 'm',
                tags: { device: 'd' },
                columns: ['time', 'schemaVersion', 'x'],
                values: [[1, 1, 2]],
              },
            ],
            ...(partial && { partial }),
          },
        ],
      })}\n`;
    const script =
      (rows: string): Handler =>
      ({ body }, response) =>
        void response.writeHead(200).end(body.includes('SHOW') ? measurements : rows);
    const scan = () => Array.fromAsync(open().scan({ fromMs: 0, toMs: 10 }));

    test('whole', async () => {
      handle = script(chunk(true) + chunk(false));
      expect(await scan()).toHaveLength(2);
    });
    test.each([
      ['ends early', chunk(true)],
      ['is empty', ''],
      ['breaks inside a row', chunk(true) + chunk(false).slice(0, 60)],
      ['an error after rows', `${chunk(true)}{"error":"timeout"}\n`],
      ['an error of the statement', '{"results":[{"error":"database not found"}]}\n'],
      ['is no JSON', '<html>\n'],
      ['is nothing', 'null\n'],
      ['has results that are none', '{"results":"abc"}\n'],
      ['has a result that is none', '{"results":[null]}\n'],
      ['has a series without rows', '{"results":[{"series":[{"name":"m","columns":["time"]}]}]}\n'],
      [
        'has rows that are none',
        '{"results":[{"series":[{"name":"m","columns":["time"],"values":[null]}]}]}\n',
      ],
    ])('%s', async (_, rows) => {
      handle = script(rows);
      await expect(scan()).rejects.toMatchObject({ code: 'store-unavailable', retryable: true });
    });
    test('another status', async () => {
      handle = answer(500, '{"error":"x"}');
      await expect(scan()).rejects.toMatchObject({ code: 'store-unavailable' });
    });
  });
});
