import { expect, test } from 'vitest';
import { choosePorts } from '#runtime/choose-ports.ts';
import { createSockets } from './sockets.ts';

test('of a socket that is gone nothing is remembered, however often it is disconnected', async () => {
  const [port] = (await choosePorts([undefined])) as [number];
  const onConnect = () => undefined;
  const socket = createSockets()({ host: '127.0.0.1', port, ssl: {}, onConnect });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  const before = socket.listenerCount('connect');
  for (let i = 0; i < 20; i++) socket.end().unref();
  expect(socket.listenerCount('connect')).toBe(before);
});
