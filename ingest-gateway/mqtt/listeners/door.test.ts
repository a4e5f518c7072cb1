import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bytesOf, connectPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { pause } from '#runtime/retry.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate } from '#services/certificates.ts';

const MOST = 3;
const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'door-'));
  makeCertificate(folder, 'server', { commonName: 'localhost', subjectAltName: 'DNS:localhost' });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function openSilent(port: number | undefined): Promise<Socket> {
  const socket = connect({ port: port ?? 0, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The first flight of a real client. */
async function clientHello(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1' }).on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

describe('the door [P10]', () => {
  it.each([
    ['tcp', 'mqtt', 'tcp'],
    ['tls', 'mqtts', 'tls'],
    ['webSocket', 'ws', 'websocket'],
    ['secureWebSocket', 'wss', 'secure-websocket'],
  ] as const)(
    '%s: the oldest silent sockets give way, before any handshake, and a device comes in',
    async (listener, scheme, label) => {
      const files = {
        certFile: path.join(folder, 'server.crt'),
        keyFile: path.join(folder, 'server.key'),
        caFile: undefined,
      };
      await using test = await startTestGateway({
        mqtt: { tls: { port: 0, webSocketPort: 0, ...files }, webSocketPort: 0 },
        limits: { silentPerAddress: MOST },
      });
      const port = test.gateway.ports[listener];
      const ended: number[] = [];
      const sockets: Socket[] = [];
      for (let i = 0; i < 2 * MOST; i++) {
        const socket = await openSilent(port);
        socket.on('error', () => undefined).on('close', () => ended.push(i));
        sockets.push(socket);
      }
      await eventually(() => expect(ended.toSorted()).toEqual([0, 1, 2]));
      expect(await test.metric(refused('too-many-from-address'))).toBe(MOST);
      const client = await connectAsync(`${scheme}://localhost:${port}`, {
        clientId: 'dev-1',
        rejectUnauthorized: false,
        reconnectPeriod: 0,
      });
      expect(test.gateway.connectedDevices()).toBe(1);
      // Having said CONNECT, it is none of those that give way.
      for (let i = 0; i < 2 * MOST; i++) sockets.push((await openSilent(port)).on('error', () => undefined));
      await eventually(async () =>
        expect(await test.metric(refused('too-many-from-address'))).toBe(3 * MOST),
      );
      expect(client.connected).toBe(true);
      expect(await test.metric(refused('tls-handshake'))).toBe(0);
      await client.endAsync(true);
      for (const socket of sockets) socket.end();
      await eventually(async () =>
        expect(await test.metric(`ingest_connections{listener="${label}"}`)).toBe(0),
      );
      expect(await test.metric(`ingest_connections_total{listener="${label}"}`)).toBe(4 * MOST + 1);
    },
  );

  it.each([false, true])(
    'a fleet that connects in one moment is no silent one (behind a balancer: %s)',
    async (proxyProtocol) => {
      await using test = await startTestGateway({
        mqtt: { proxyProtocol },
        limits: { silentPerAddress: MOST },
      });
      const answers = Array.from({ length: 100 }, async (_, i) => {
        const socket = connect({ port: test.port, host: '127.0.0.1' }).on('error', () => undefined);
        onTestFinished(() => void socket.destroy());
        if (proxyProtocol) socket.write('PROXY TCP4 192.0.2.7 198.51.100.1 56324 1883\r\n');
        socket.write(bytesOf(connectPacket(`dev-${i}`)));
        const [answer] = (await once(socket, 'data')) as [Buffer];
        return answer[3];
      });
      expect(await Promise.all(answers)).toEqual(answers.map(() => 0));
    },
  );

  it('behind a balancer: of those that say nothing the oldest give way', async () => {
    await using test = await startTestGateway({
      mqtt: { proxyProtocol: true },
      limits: { silentPerAddress: MOST },
    });
    const ended: number[] = [];
    for (let i = 0; i < 2 * MOST; i++)
      (await openSilent(test.port)).on('error', () => undefined).on('close', () => ended.push(i));
    await eventually(() => expect(ended.toSorted()).toEqual([0, 1, 2]));
    expect(await test.metric(refused('proxy-protocol'))).toBe(MOST);
  });

  it.each(['tls', 'secureWebSocket'] as const)(
    '%s: a client that ends its side in the middle of its handshake is gone at once, and counted',
    async (listener) => {
      const files = { certFile: path.join(folder, 'server.crt'), keyFile: path.join(folder, 'server.key') };
      await using test = await startTestGateway({ mqtt: { tls: { port: 0, webSocketPort: 0, ...files } } });
      const hello = await clientHello();
      for (const bytes of [0, 1, 5, 100, hello.length]) {
        const socket = await openSilent(test.gateway.ports[listener]);
        const closed = once(socket.resume(), 'close');
        socket.end(hello.subarray(0, bytes));
        await closed;
      }
      await eventually(async () => expect(await test.metric(refused('tls-handshake'))).toBe(5));
    },
  );

  it('an address that opens too many a second is turned away before its handshake', async () => {
    await using test = await startTestGateway({
      mqtt: { webSocketPort: 0 },
      limits: { connectBurstPerAddress: MOST, connectsPerSecondPerAddress: 0.001 },
    });
    for (let i = 0; i < 2 * MOST; i++)
      (await openSilent(test.gateway.ports.webSocket)).on('error', () => undefined);
    await eventually(async () => expect(await test.metric(refused('connecting-too-fast'))).toBe(MOST));
  });

  /** Of each kind, what a client sends that comes to nothing. */
  const FAILURES = [
    ['bytes that are no MQTT', 'tcp', () => Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a CONNECT with an id that none may have', 'tcp', () => bytesOf(connectPacket('no/id'))],
    ['no TLS', 'tls', () => bytesOf(connectPacket('dev-1'))],
    ['a handshake that is cut', 'tls', async () => (await clientHello()).subarray(0, 100)],
    ['a request that is no upgrade', 'webSocket', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ] as const;

  it.each(FAILURES)(
    'an address that fails over and over is turned away, and others come in: %s',
    async (_what, listener, bytes) => {
      const files = { certFile: path.join(folder, 'server.crt'), keyFile: path.join(folder, 'server.key') };
      await using test = await startTestGateway({
        mqtt: { webSocketPort: 0, tls: { port: 0, ...files } },
        // Twice as many at once; a next one after 50 seconds.
        limits: { failuresPerSecondPerAddress: 1 },
      });
      const turnedAway = () => test.metric(refused('failing-too-often'));
      const fail = async (): Promise<void> => {
        const socket = connect({
          port: test.gateway.ports[listener] as number,
          host: '127.0.0.1',
          localAddress: '127.0.0.2',
        });
        onTestFinished(() => void socket.destroy());
        // One that is turned away may see its end as an error.
        const closed = new Promise((resolve) =>
          socket
            .on('error', () => undefined)
            .resume()
            .once('close', resolve),
        );
        socket.end(await bytes());
        await closed;
      };
      await fail();
      await fail();
      expect(await turnedAway()).toBe(0);
      // The gateway may learn of the end of a connection after the client does.
      await eventually(async () => {
        await fail();
        expect(await turnedAway()).toBeGreaterThan(0);
      });
      const elsewhere = await RawClient.device(test.port, 'dev-1');
      elsewhere.socket.destroy();
    },
  );

  it('who only looks whether the port is open, comes in, or is kept out by us, has not failed', async () => {
    await using test = await startTestGateway({ limits: { failuresPerSecondPerAddress: 1 } });
    for (let i = 0; i < 5; i++) {
      const socket = await openSilent(test.port);
      const closed = once(socket.resume(), 'close');
      socket.end();
      await closed;
    }
    test.log.up = false;
    for (let i = 0; i < 5; i++) {
      const refusedByUs = await RawClient.open(test.port);
      refusedByUs.send(connectPacket('dev-1'));
      await refusedByUs.closed;
    }
    test.log.up = true;
    for (let i = 0; i < 5; i++) {
      const device = await RawClient.device(test.port, 'dev-1');
      device.socket.destroy();
      await device.closed;
    }
    expect(await test.metric(refused('log-unavailable'))).toBe(5);
    expect(await test.metric(refused('failing-too-often'))).toBe(0);
  });

  it.each([
    ['who gives up while its login waits for us has not failed', 1_100, false],
    ['who does so at once has', 20, true],
  ])('%s', async (_what, waitedMs, isFailure) => {
    // No token can be judged until the keys are there.
    const provider = createHttpServer((_request, response) => response.writeHead(503).end());
    onTestFinished(() => void provider.close());
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    const { port } = provider.address() as { port: number };
    const algorithms = ['ES256'] as const;
    const keys = { url: `http://127.0.0.1:${port}/` };
    const tokens = { keys, issuer: 'i', audience: 'a', algorithms, clockToleranceMs: 0 };
    await using test = await startTestGateway({
      mqtt: { tokens, allowAnonymous: false },
      limits: { failuresPerSecondPerAddress: 1 },
    });
    const [header, claims] = ['{"alg":"ES256"}', '{"sub":"dev-1","exp":9999999999}'].map((part) =>
      Buffer.from(part).toString('base64url'),
    );
    const password = Buffer.from(`${header}.${claims}.x`);
    const connections = () => test.metric('ingest_connections{listener="tcp"}');
    const giveUp = async (): Promise<void> => {
      const client = await RawClient.open(test.port);
      client.send(connectPacket('dev-1', { username: 'dev-1', password }));
      // How long it waited counts from when the gateway accepted it.
      if (!isFailure) await eventually(async () => expect(await connections()).toBeGreaterThan(0));
      await pause(waitedMs);
      client.socket.resetAndDestroy();
      await client.closed;
    };
    const turnedAway = () => test.metric(refused('failing-too-often'));
    await Promise.all(Array.from({ length: 5 }, giveUp));
    await eventually(async () => expect(await connections()).toBe(0));
    if (!isFailure) {
      await giveUp();
      expect(await turnedAway()).toBe(0);
      return;
    }
    // Of a connection that is reset too soon nothing may have been read.
    await eventually(async () => {
      await giveUp();
      expect(await turnedAway()).toBeGreaterThan(0);
    });
  });

  it('behind a balancer each client fails on its own account, and a balancer that looks for us has not', async () => {
    await using test = await startTestGateway({
      mqtt: { proxyProtocol: true },
      limits: { failuresPerSecondPerAddress: 1 },
    });
    const from = (address: string) => Buffer.from(`PROXY TCP4 ${address} 10.0.0.1 1000 1883\r\n`);
    const say = async (...said: Buffer[]): Promise<void> => {
      const client = await RawClient.open(test.port);
      client.socket.end(Buffer.concat(said));
      await client.closed;
    };
    const turnedAway = () => test.metric(refused('failing-too-often'));
    for (let i = 0; i < 5; i++) await say(from('10.1.1.1'));
    expect(await turnedAway()).toBe(0);
    const nonsense = Buffer.from('GET / HTTP/1.1\r\n\r\n');
    await eventually(async () => {
      await say(from('10.1.1.2'), nonsense);
      expect(await turnedAway()).toBeGreaterThan(0);
    });
    const device = await RawClient.open(test.port);
    device.send(from('10.1.1.3'), connectPacket('dev-1'));
    expect(await device.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    device.socket.destroy();
  });
});
