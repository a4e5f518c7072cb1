import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { bytesOf, connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/** Aim: what a counter shows, a person can follow to the device or the address. */

/** All of 127.0.0.0/8 is this machine's: two devices at two addresses. */
async function from(address: string, port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address });
  await once(socket, 'connect');
  return new RawClient(socket);
}

describe('who', () => {
  it('two devices with one id: the takeovers, and both addresses', async () => {
    await using test = await startTestGateway();
    for (let round = 0; round < 4; round++) {
      const client = await from(round % 2 === 0 ? '127.0.0.1' : '127.0.0.2', test.port);
      client.send(connectPacket('dev-1'));
      expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    }
    expect(test.gateway.devices()).toMatchObject([
      {
        id: 'dev-1',
        address: '127.0.0.2',
        takeovers: 3,
        lastTakeover: { at: expect.any(Number), from: '127.0.0.1', to: '127.0.0.2' },
      },
    ]);
    expect(await test.metric('ingest_tolerated_total{kind="takeover"}')).toBe(3);
    const line = test.lines.find((it) => it.includes('connected again'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      deviceId: 'dev-1',
      address: '127.0.0.2',
      olderAddress: '127.0.0.1',
    });
  });

  it('nobody whose connection was reset before it was taken: it has no address that a ban could name', async () => {
    await using test = await startTestGateway();
    const sent = Buffer.concat([
      bytesOf(connectPacket('dev-1')),
      bytesOf(publishPacket('dev-1', reading(1), 1)),
    ]);
    const client = `const socket = require('node:net').connect(${test.port}, '127.0.0.1', () =>
      socket.write(Buffer.from('${sent.toString('hex')}', 'hex'), () => socket.resetAndDestroy()))`;
    // Nothing is accepted meanwhile.
    execFileSync(process.execPath, ['--eval', client]);
    // Behind it in line.
    await RawClient.device(test.port, 'dev-2');
    expect(test.gateway.devices().map(({ id }) => id)).toEqual(['dev-2']);
    expect(test.log.durable).toBe(0);
  });

  it('a device that is refused, and an id that was never let in', async () => {
    await using test = await startTestGateway();
    const device = await RawClient.device(test.port, 'dev-1');
    device.send(Buffer.from([0xf5, 0x00]));
    await device.closed;
    const stranger = await from('127.0.0.3', test.port);
    stranger.send(connectPacket('dev-2', { username: 'dev-3', password: Buffer.from('x') }));
    await stranger.closed;
    expect(test.gateway.devices()).toMatchObject([
      {
        id: 'dev-1',
        refusals: { 'protocol-error': 1 },
        lastRefusal: { address: '127.0.0.1', device: 'dev-1' },
      },
    ]);
    expect(test.gateway.strangers()).toMatchObject({
      strangers: [{ id: 'dev-2', refusals: { 'wrong-identity': 1 }, lastRefusal: { address: '127.0.0.3' } }],
      addresses: [{ address: '127.0.0.3' }, { address: '127.0.0.1', lastRefusal: { device: 'dev-1' } }],
    });
    const lines = test.lines.filter((line) => line.includes('refused or disconnected'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { reason: 'protocol-error', deviceId: 'dev-1', address: '127.0.0.1' },
      { reason: 'wrong-identity', deviceId: 'dev-2', address: '127.0.0.3' },
    ]);
  });

  it('a device that is slowed', async () => {
    await using test = await startTestGateway({ limits: { messagesPerSecond: 1, messageBurst: 1 } });
    await RawClient.device(test.port, 'calm');
    const eager = await RawClient.device(test.port, 'eager');
    for (let seq = 0; seq < 5; seq++) eager.send(publishPacket('eager', reading(seq), seq + 1));
    await eventually(() => {
      const slowed = new Map(test.gateway.devices().map(({ id, slowedMs }) => [id, slowedMs]));
      expect(slowed.get('calm')).toBe(0);
      expect(slowed.get('eager')).toBeGreaterThan(0);
    });
  });

  it('a WebSocket that breaks the rules: the device behind it, also for a text frame', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const webSocket = new WebSocket(`ws://127.0.0.1:${test.gateway.ports.webSocket}`, 'mqtt');
    await once(webSocket, 'open');
    webSocket.send(bytesOf(connectPacket('dev-1')));
    await once(webSocket, 'message');
    webSocket.on('error', () => undefined).send('text');
    await once(webSocket, 'close');
    expect(await test.metric('ingest_refused_total{reason="protocol-error"}')).toBe(1);
    expect(test.gateway.devices()).toMatchObject([
      { id: 'dev-1', refusals: { 'protocol-error': 1 }, lastRefusal: { detail: 'a text frame' } },
    ]);
  });
});

describe('connections by listener', () => {
  it('count those that say nothing, do not finish their upgrade, or are gone again', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const { tcp, webSocket } = test.gateway.ports;
    const open = async (port: number | undefined) => {
      const socket = connect({ port: port as number, host: '127.0.0.1' });
      await once(socket, 'connect');
      return socket;
    };
    const levels = async () => ({
      tcp: await test.metric('ingest_connections{listener="tcp"}'),
      webSocket: await test.metric('ingest_connections{listener="websocket"}'),
      accepted: await test.metric('ingest_connections_total{listener="tcp"}'),
    });
    const silent = [await open(tcp), await open(tcp)];
    const upgrading = await open(webSocket);
    upgrading.write('GET / HTTP/1.1\r\n');
    await eventually(async () => expect(await levels()).toEqual({ tcp: 2, webSocket: 1, accepted: 2 }));
    for (const socket of silent) socket.resetAndDestroy();
    upgrading.destroy();
    await eventually(async () => expect(await levels()).toEqual({ tcp: 0, webSocket: 0, accepted: 2 }));
    const device = await RawClient.device(tcp as number, 'dev-1');
    expect(await levels()).toEqual({ tcp: 1, webSocket: 0, accepted: 3 });
    device.socket.destroy();
    await eventually(async () => expect(await levels()).toEqual({ tcp: 0, webSocket: 0, accepted: 3 }));
  });
});
