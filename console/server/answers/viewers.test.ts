import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyReply } from 'fastify';
import { expect, test } from 'vitest';
import { Viewers } from './viewers.ts';

test('who left while its first message was made is no viewer', async () => {
  using viewers = new Viewers(() => undefined);
  await using server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const gone = new AbortController();
  const { port } = server.address() as AddressInfo;
  const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const answer = fetch(`http://127.0.0.1:${port}/`, { signal: gone.signal });
  const [, raw] = await asked;
  const closed = once(raw, 'close');
  gone.abort();
  await expect(answer).rejects.toThrow();
  await closed;
  viewers.add({ hijack: () => undefined, getHeaders: () => ({}), raw } as unknown as FastifyReply, 'first');
  expect(viewers.size).toBe(0);
});
