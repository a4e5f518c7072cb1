import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { choosePorts, isPortFree } from '#runtime/choose-ports.ts';

test('a preferred port is taken when it is free, and another one when it is not', async () => {
  const [free] = await choosePorts([undefined]);
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;

  const [first, second] = await choosePorts([free, taken]);

  expect(first).toBe(free);
  expect(second).not.toBe(taken);
  expect(await isPortFree(taken)).toBe(false);
});

test('ports are all different, even when the same one is wished for twice', async () => {
  const [wish] = await choosePorts([undefined]);
  const ports = await choosePorts([wish, wish, undefined, undefined]);
  expect(new Set(ports).size).toBe(4);
});

test('automatic ports lie below those of outgoing connections', async () => {
  const ports = await choosePorts([undefined, undefined, undefined]);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});
