import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { awaitHello } from './await-hello.ts';

const LONG_MS = 60_000;

/** Both ends of a connection. */
async function connection(): Promise<{ readonly client: Socket; readonly accepted: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1' });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    for (const socket of [client, accepted]) socket.destroy();
    server.close();
  });
  return { client, accepted };
}

/** @returns what came of it, when something did */
function outcomeOf(socket: Socket, withinMs = LONG_MS): Promise<'begun' | Error> {
  return new Promise((resolve) => {
    awaitHello(socket, withinMs, { begin: () => resolve('begun'), failed: resolve });
  });
}

/** As Node's TLS does. */
function readAll(socket: Socket): Buffer[] {
  const pieces: Buffer[] = [];
  for (let piece = socket.read(); piece !== null; piece = socket.read()) pieces.push(piece);
  return pieces;
}

test('begins with the first bytes, which are read in pieces that fill no buffer', async () => {
  const { client, accepted } = await connection();
  const hello = Buffer.from(Array.from({ length: 2_500 }, (_, i) => i % 251));
  const outcome = outcomeOf(accepted);
  client.write(hello);
  expect(await outcome).toBe('begun');
  // The stream asks itself for more.
  expect(accepted.read(0)).toBeNull();
  const pieces = readAll(accepted);
  expect(Buffer.concat(pieces).equals(hello)).toBe(true);
  expect(pieces.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  expect(accepted.timeout).toBe(0);
  expect(accepted.listenerCount('readable') + accepted.listenerCount('error')).toBe(0);
});

test('begins at once when something was read before, as behind a balancer', async () => {
  const { accepted } = await connection();
  accepted.unshift(Buffer.from('hello'));
  let begun = false;
  awaitHello(accepted, LONG_MS, {
    begin: () => {
      begun = true;
    },
    failed: () => undefined,
  });
  expect(begun).toBe(true);
  expect(String(Buffer.concat(readAll(accepted)))).toBe('hello');
});

test('begins with an end, which is for TLS to judge', async () => {
  const { client, accepted } = await connection();
  client.end();
  expect(await outcomeOf(accepted)).toBe('begun');
});

test('tells of a client that is reset, or says nothing', async () => {
  const { client, accepted } = await connection();
  const outcome = outcomeOf(accepted);
  client.resetAndDestroy();
  expect(await outcome).toMatchObject({ code: 'ECONNRESET' });
  const { accepted: silent } = await connection();
  expect(await outcomeOf(silent, 1)).toMatchObject({ message: 'no TLS handshake in time' });
});
