import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Client } from 'aedes';
import { expect, onTestFinished, test } from 'vitest';
import { connectPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { internalsOf } from './aedes-internals.ts';

test('of a connected device no password is kept, nor the bytes that it came in', async () => {
  const clients: Client[] = [];
  const accepted = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket & { client?: Client } };
    // Where aedes notes its client.
    setImmediate(() => {
      if (socket.client !== undefined) clients.push(socket.client);
    });
  };
  subscribe('net.server.socket', accepted);
  onTestFinished(() => void unsubscribe('net.server.socket', accepted));
  await using gateway = await startTestGateway();
  const client = await RawClient.open(gateway.port);
  client.send(connectPacket('dev-1', { username: 'dev-1', password: Buffer.from('secret') }));
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
  const settings = clients.map((each) => internalsOf(each)._parser.settings);
  expect(settings).toMatchObject([{ cmd: 'connect', clientId: 'dev-1', protocolVersion: 4 }]);
  const held = settings.flatMap(Object.values).filter((value) => ArrayBuffer.isView(value));
  expect(held).toEqual([]);
});
