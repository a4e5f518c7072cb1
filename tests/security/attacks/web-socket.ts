import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Attack } from '#tests/security/attack.ts';
import {
  each,
  eventOrEnd,
  flood,
  openSocket,
  repeated,
  untilOver,
  write,
} from '#tests/security/attackers.ts';

const MASK = Buffer.from([1, 2, 3, 4]);

/** A masked frame of a client (RFC 6455, 5.2) of less than 64 KiB. */
function frame(opcode: number, payload: Uint8Array, final: boolean): Buffer {
  const { length } = payload;
  const head = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  const masked = Buffer.from(payload.map((byte, at) => byte ^ (MASK[at % 4] as number)));
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...head]), MASK, masked]);
}

async function upgrade(port: number, signal: AbortSignal): Promise<Socket> {
  const socket = await openSocket(port, signal);
  const request = [
    'GET / HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: mqtt',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ];
  write(socket, Buffer.from(`${request.join('\r\n')}\r\n\r\n`));
  await eventOrEnd(socket, 'data');
  return socket;
}

const BINARY = 2;
const CONTINUATION = 0;
const PING = 9;

export const WEB_SOCKET_ATTACKS: readonly Attack[] = [
  {
    name: 'websocket-requests',
    what: '20 clients send HTTP requests to the WebSocket listener, one behind the other, as fast as they are read',
    seenIn: 'ingest_refused_total{reason="protocol-error"}',
    async run({ webSocketPort }, signal) {
      const bytes = repeated(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 2_000);
      await each(20, signal, async () => {
        while (!signal.aborted) await flood(await openSocket(webSocketPort, signal), bytes, signal);
      });
    },
  },
  {
    name: 'websocket-fragments',
    what: '600 WebSocket connections each send a message in 16,000 fragments of one byte, without CONNECT, and never finish it',
    seenIn: 'ingest_refused_total{reason="packet-too-large"}',
    async run({ webSocketPort }, signal) {
      const byte = Buffer.from([0]);
      const bytes = Buffer.concat([
        frame(BINARY, byte, false),
        repeated(frame(CONTINUATION, byte, false), 15_999),
      ]);
      await each(600, signal, async () => write(await upgrade(webSocketPort, signal), bytes));
      await untilOver(signal);
    },
  },
  {
    name: 'websocket-frames-before-connect',
    what: '600 WebSocket connections each send 200 KB in one message, without CONNECT',
    seenIn: 'ingest_refused_total{reason="packet-too-large"}',
    async run({ webSocketPort }, signal) {
      const bytes = Buffer.concat([
        frame(BINARY, Buffer.alloc(50_000), false),
        ...Array.from({ length: 3 }, (_, at) => frame(CONTINUATION, Buffer.alloc(50_000), at === 2)),
      ]);
      await each(600, signal, async () => write(await upgrade(webSocketPort, signal), bytes));
      await untilOver(signal);
    },
  },
  {
    name: 'websocket-pings',
    what: '50 WebSocket connections send ping frames as fast as they are read, without CONNECT',
    seenIn: 'ingest_refused_total{reason="protocol-error"}',
    async run({ webSocketPort }, signal) {
      const bytes = repeated(frame(PING, Buffer.alloc(4), true), 5_000);
      await each(50, signal, async () => {
        while (!signal.aborted) await flood(await upgrade(webSocketPort, signal), bytes, signal);
      });
    },
  },
];
