import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { bytesOf, connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate } from '#services/certificates.ts';

const UNREAD = 'ingest_unread_bytes';
const DROPPED = 'ingest_refused_total{reason="unread-input"}';
/**
 * What one connection may have unread: read ahead, and what the last read brought. Over WebSocket frames are read as they come,
 * and the last message is whole: these have 10 kB. Messages of 2 bytes are counted with 256 each, and 16 KiB of their frames,
 * of 8 bytes, are read ahead.
 */
const MOST = { socket: 80 * 1024, webSocket: 144 * 1024, smallMessages: ((16 * 1024) / 8) * 258 + 16 * 1024 };
/** Of a device at its bound: it is not read any more from the first slice on. */
const SLOW = { messageBurst: 5, messagesPerSecond: 0.001 };
const pings = Buffer.alloc(400_000, Buffer.from([0xc0, 0]));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'unread-input-'));
  makeCertificate(folder, 'server', { commonName: 'localhost', subjectAltName: 'DNS:localhost' });
});
afterAll(() => rmSync(folder, { recursive: true }));

const start = (limits: Parameters<typeof startTestGateway>[0] & object): Promise<TestGateway> =>
  startTestGateway({
    ...limits,
    mqtt: {
      webSocketPort: 0,
      tls: {
        port: 0,
        webSocketPort: 0,
        certFile: path.join(folder, 'server.crt'),
        keyFile: path.join(folder, 'server.key'),
        caFile: undefined,
      },
    },
  });

async function overSocket(port: number, tls: boolean): Promise<Writable> {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = tls ? connectTls(options) : connect(options);
  await once(socket, tls ? 'secureConnect' : 'connect');
  return socket;
}

async function overWebSocket(url: string): Promise<Writable> {
  const webSocket = new WebSocket(url, 'mqtt', { rejectUnauthorized: false });
  await once(webSocket, 'open');
  return createWebSocketStream(webSocket);
}

const LISTENERS: Readonly<Record<string, (ports: TestGateway['gateway']['ports']) => Promise<Writable>>> = {
  TCP: ({ tcp }) => overSocket(tcp as number, false),
  TLS: ({ tls }) => overSocket(tls as number, true),
  WebSocket: ({ webSocket }) => overWebSocket(`ws://127.0.0.1:${webSocket}`),
  'secure WebSocket': ({ secureWebSocket }) => overWebSocket(`wss://127.0.0.1:${secureWebSocket}`),
};

function sendAll(stream: Writable, id: string): void {
  stream.on('error', () => undefined);
  stream.cork();
  stream.write(bytesOf(connectPacket(id)));
  for (let at = 0; at < pings.length; at += 10_000) stream.write(pings.subarray(at, at + 10_000));
  stream.uncork();
}

describe('[P10] input that waits unread', () => {
  it.each(Object.entries(LISTENERS))('is bounded for one connection over %s', async (name, open) => {
    await using test = await start({ limits: SLOW });
    const stream = await open(test.gateway.ports);
    sendAll(stream, 'dev-1');
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    await eventually(async () => expect(await test.metric(UNREAD)).toBeGreaterThan(10_000));
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await test.metric(UNREAD)).toBeLessThanOrEqual(
      name.includes('Web') ? MOST.webSocket : MOST.socket,
    );
    // Takes over: what the other one had is passed over.
    await RawClient.device(test.port, 'dev-1');
    await eventually(async () => expect(await test.metric(UNREAD)).toBe(0));
  });

  it.each(Object.entries(LISTENERS))(
    'is bounded for all: who holds most goes, over %s',
    async (_name, open) => {
      await using test = await start({ limits: { ...SLOW, unreadInputBytes: 100_000 } });
      const quiet = await RawClient.device(test.port, 'quiet');
      const greedy = ['greedy-1', 'greedy-2', 'greedy-3', 'greedy-4'];
      for (const id of greedy) sendAll(await open(test.gateway.ports), id);
      await eventually(async () => expect(await test.metric(DROPPED)).toBeGreaterThan(0));
      quiet.send(publishPacket('quiet', reading(1), 1));
      expect(await quiet.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
      expect(await test.metric(UNREAD)).toBeLessThanOrEqual(100_000);
      for (const id of greedy) await RawClient.device(test.port, id);
      await eventually(async () => expect(await test.metric(UNREAD)).toBe(0));
      expect(await test.metric('ingest_connected_devices')).toBe(5);
    },
  );

  it('is none of a device that is read as fast as it sends', async () => {
    await using test = await start({ limits: { unreadInputBytes: 1_000 } });
    const client = await RawClient.device(test.port, 'dev-1');
    for (let seq = 1; seq <= 200; seq++) {
      client.send(publishPacket('dev-1', reading(seq), seq));
      expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: seq });
    }
    expect(await test.metric(UNREAD)).toBe(0);
  });

  it('small frames over WebSocket stay what they are, until somebody asks for them', async () => {
    await using test = await start({ limits: SLOW });
    const webSocket = new WebSocket(`ws://127.0.0.1:${test.gateway.ports.webSocket}`, 'mqtt');
    webSocket.on('error', () => undefined);
    await once(webSocket, 'open');
    webSocket.send(bytesOf(connectPacket('dev-1')));
    for (let frame = 0; frame < 40_000; frame++) webSocket.send(pings.subarray(0, 2));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    await eventually(async () => expect(await test.metric(UNREAD)).toBeGreaterThan(10_000));
    expect(await test.metric(UNREAD)).toBeLessThanOrEqual(MOST.smallMessages);
    webSocket.terminate();
  });
});
