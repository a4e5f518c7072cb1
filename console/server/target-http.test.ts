import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { devicesOfTargets } from './devices/device-sources.ts';
import { TargetHttp } from './target-http.ts';

const MAX_BYTES = 64 * 1024;

async function listening(answer: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('where a target redirects to is not asked, and not shown the token', async () => {
  const seen: (string | undefined)[] = [];
  await using elsewhere = await listening(({ headers }, response) => {
    seen.push(headers.authorization);
    response.end('{}');
  });
  await using server = await listening((_, response) =>
    response.writeHead(302, { location: `${elsewhere.url}/metrics` }).end(),
  );
  const target = new TargetHttp(server.url, 'a-token-of-all');
  await expect(target.text('/metrics')).rejects.toThrow('answers /metrics with 302');
  expect(seen).toEqual([]);
});

test('an answer without end, and one that stops in the middle, are no answers', async () => {
  await using server = await listening(({ url }, response) => {
    const part = Buffer.alloc(MAX_BYTES / 4, 0x20);
    const more = (): void => {
      let isTaken = true;
      while (isTaken && !response.destroyed) isTaken = response.write(part);
    };
    if (url === '/short') {
      response.write('{"devices":', () => response.destroy());
      return;
    }
    response.on('drain', more);
    more();
  });
  const target = new TargetHttp(server.url, undefined, MAX_BYTES);
  await expect(target.json('/endless')).rejects.toMatchObject({
    code: 'gateway-unavailable',
    message: expect.stringContaining('with too much'),
  });
  await expect(target.json('/short')).rejects.toMatchObject({ code: 'gateway-unavailable' });
});

test('what is no list of devices is none, and does not take the others with it', async () => {
  const device = {
    ...{ id: 'dev-1', connected: true, lastSeen: 1, accepted: 2, takeovers: 0, slowedMs: 0 },
    ...{ refused: {}, refusals: {}, discarded: {}, lastTakeover: null },
  };
  const answers = [
    '{"devices":[{"id":"dev-1"}]}',
    '{"devices":{}}',
    '[]',
    'no JSON',
    JSON.stringify({ devices: [{ ...device, refused: { 'schema-violation': 'many' } }] }),
    JSON.stringify({ devices: [device] }),
  ];
  await using servers = new AsyncDisposableStack();
  const targets: TargetHttp[] = [];
  for (const answer of answers) {
    const server = servers.use(await listening((_, response) => response.end(answer)));
    targets.push(new TargetHttp(server.url, undefined));
  }
  const source = devicesOfTargets(targets);
  const { glances, status } = await source.list();
  expect(glances).toMatchObject([{ id: 'dev-1', connected: true, accepted: 2, refused: 0 }]);
  expect(status('dev-1')).toEqual(device);
  expect(await source.story('dev-1')).toBeUndefined();
});

test('a target may stand below a path, and have a login of its own', async () => {
  await using server = await listening(({ url, headers }, response) =>
    response.end(`${url} ${headers.authorization}`),
  );
  const url = server.url.replace('//', '//reader:p%40ss@');
  const target = new TargetHttp(`${url}/gateway-1/`, undefined);
  const login = Buffer.from('reader:p@ss').toString('base64');
  expect(await target.text('/metrics')).toBe(`/gateway-1/metrics Basic ${login}`);
  expect(target.name).toBe(`${server.url.slice('http://'.length)}/gateway-1`);
});
