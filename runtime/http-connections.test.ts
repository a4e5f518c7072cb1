import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpConnections } from '#runtime/http-connections.ts';
import { eventually } from '#runtime/testing/eventually.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('connections of an HTTP server', () => {
  const answers: ServerResponse[] = [];
  let port = 0;
  let refused = 0;
  let accepted = 0;
  let server = createServer();
  const sockets: Socket[] = [];

  beforeEach(async () => {
    refused = 0;
    accepted = 0;
    answers.splice(0);
    server = createServer((_, response) => void answers.push(response));
    new HttpConnections(server, 3, () => refused++);
    server.on('connection', () => accepted++);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as { readonly port: number }).port;
  });

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  /** Says something, and is accepted before the next one comes. */
  async function client(says = ''): Promise<Socket> {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    const before = answers.length;
    socket.write(says);
    await eventually(() => expect(accepted).toBe(sockets.length));
    if (says === GET) await eventually(() => expect(answers).toHaveLength(before + 1));
    return socket;
  }
  const gone = (socket: Socket): Promise<unknown> =>
    socket.closed ? Promise.resolve() : once(socket.resume(), 'close');

  it.each([
    ['nothing', ''],
    ['half a request', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    ['a request without its body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{'],
  ])('[P10] one that has sent %s gives way to one that asks', async (_, says) => {
    const asking = await client(GET);
    const silent = [await client(says), await client(says)] as const;
    const next = await client(GET);
    await gone(silent[0]);
    const another = await client(GET);
    await gone(silent[1]);
    expect(refused).toBe(2);
    expect([asking, next, another].map(({ closed }) => closed)).toEqual([false, false, false]);
  });

  it('one whose answer has come waits anew, from then on', async () => {
    const first = await client(GET);
    const second = await client();
    const third = await client();
    answers[0]?.end();
    await once(first, 'data');
    await client();
    await gone(second);
    await client();
    await gone(third);
    await client();
    await gone(first);
    expect(refused).toBe(3);
  });

  it('one that does not take its answer gives way when all others are served', async () => {
    const slow = await client(GET);
    slow.pause();
    answers[0]?.write(Buffer.alloc(32 * 1024 * 1024));
    await client(GET);
    await client(GET);
    const next = await client(GET);
    await gone(slow);
    expect(next.closed).toBe(false);
    expect(refused).toBe(1);
  });

  it('the new one is refused when all that are there are served', async () => {
    const served = [await client(GET), await client(GET), await client(GET)];
    const next = await client(GET.slice(0, 5));
    await gone(next);
    expect(served.map(({ closed }) => closed)).toEqual([false, false, false]);
    expect(refused).toBe(1);
  });
});
