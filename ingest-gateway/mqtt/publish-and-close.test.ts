import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { changeCredentials } from '#ingest-gateway/devices/credentials-file.ts';
import { hashPassword } from '#ingest-gateway/devices/password-hash.ts';
import { bytesOf, connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate } from '#services/certificates.ts';

/** Devices that send all they have and are gone, as those do that sleep in between. */
const CLIENTS = 10;
const DROPPED = 'ingest_dropped_total{reason="connection-ended"}';

let folder: string;
let credentialsFile: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'publish-and-close-'));
  credentialsFile = path.join(folder, 'devices.json');
  makeCertificate(folder, 'server', { commonName: 'localhost', subjectAltName: 'DNS:localhost' });
  // Checking this password takes longer than a round trip.
  const hash = await hashPassword(Buffer.from('secret'), { n: 4096, r: 8, p: 1 });
  await changeCredentials(credentialsFile, async (devices) => {
    for (let i = 0; i < CLIENTS; i++) devices.set(`dev-${i}`, hash);
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Send {
  readonly port: number;
  readonly id: string;
  readonly chunks: readonly Uint8Array[];
  /** Turns of the event loop between two writes, and before the end. */
  readonly turns: number;
  readonly how: 'fin' | 'reset';
}

async function pause(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

async function overSocket({ port, chunks, turns, how }: Send, tls: boolean): Promise<void> {
  const socket = tls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, tls ? 'secureConnect' : 'connect');
  for (const chunk of chunks) {
    socket.write(chunk);
    await pause(turns);
  }
  if (how === 'reset') socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy();
  // Not `end`: the client does not wait for anything, whatever comes back is answered with a reset.
  else socket.destroySoon();
}

async function overWebSocket({ port, chunks, turns, how }: Send): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, 'mqtt');
  socket.on('error', () => undefined);
  await once(socket, 'open');
  for (const chunk of chunks) {
    socket.send(chunk);
    await pause(turns);
  }
  if (how === 'reset') socket.terminate();
  else socket.close();
}

const LISTENERS = {
  TCP: {
    portOf: ({ gateway }: TestGateway) => gateway.ports.tcp as number,
    send: (it: Send) => overSocket(it, false),
  },
  TLS: {
    portOf: ({ gateway }: TestGateway) => gateway.ports.tls as number,
    send: (it: Send) => overSocket(it, true),
  },
  WebSocket: {
    portOf: ({ gateway }: TestGateway) => gateway.ports.webSocket as number,
    send: overWebSocket,
  },
} as const;

function startGateway(withPasswords: boolean): Promise<TestGateway> {
  const tls = {
    port: 0,
    certFile: path.join(folder, 'server.crt'),
    keyFile: path.join(folder, 'server.key'),
    caFile: undefined,
  };
  const access = withPasswords ? { credentialsFile, allowAnonymous: false } : {};
  return startTestGateway({ mqtt: { tls, webSocketPort: 0, ...access } });
}

/** CONNECT, `messages` PUBLISHes, and DISCONNECT if it says goodbye. */
function session(
  id: string,
  qos: 0 | 1 | 2,
  messages: number,
  withPassword: boolean,
  goodbye: boolean,
  version: 4 | 5 = 4,
): Uint8Array[] {
  const login = withPassword ? { username: id, password: Buffer.from('secret') } : {};
  const publishes = Array.from({ length: messages }, (_, i) =>
    bytesOf(publishPacket(id, reading(i), i + 1, { qos }), version),
  );
  return [
    bytesOf(connectPacket(id, { ...login, protocolVersion: version }), version),
    ...publishes,
    ...(goodbye ? [bytesOf({ cmd: 'disconnect', reasonCode: 0 }, version)] : []),
  ];
}

/** How the bytes of a session are spread over writes. */
const SPLITS: Readonly<Record<string, (packets: readonly Uint8Array[]) => Uint8Array[]>> = {
  'in one packet': (packets) => [Buffer.concat(packets)],
  'CONNECT apart': ([first = Buffer.of(), ...rest]) => [first, Buffer.concat(rest)],
  'packet by packet': (packets) => [...packets],
  'cut in the middle of each': (packets) => {
    const all = Buffer.concat(packets);
    const cuts = [0, ...packets.keys()].map((i) => Math.floor(((i + 0.5) / packets.length) * all.length));
    return [0, ...cuts].map((from, i) => all.subarray(from, [...cuts, all.length][i]));
  },
};

describe('[P1] what was received before the end of a connection is handled', () => {
  describe.each(Object.entries(LISTENERS))('%s', (_name, { portOf, send }) => {
    for (const withPasswords of [false, true]) {
      it(`${withPasswords ? 'with passwords' : 'anonymous'}, then FIN`, async () => {
        await using test = await startGateway(withPasswords);
        let sent = 0;
        for (const split of Object.values(SPLITS)) {
          const port = portOf(test);
          const sessions = [0, 1, 5].flatMap((turns, i) =>
            ([0, 1, 2] as const).map((qos) => ({
              turns,
              qos,
              id: `dev-${3 * i + qos}`,
              version: (i + qos) % 2 === 0 ? (4 as const) : (5 as const),
            })),
          );
          for (const goodbye of [true, false]) {
            for (const messages of [1, 12]) {
              await Promise.all(
                sessions.map(({ turns, qos, id, version }) => {
                  const chunks = split(session(id, qos, messages, withPasswords, goodbye, version));
                  return send({ port, id, chunks, turns, how: 'fin' });
                }),
              );
              sent += messages * sessions.length;
              const due = sent;
              await eventually(() => expect(test.log.records).toHaveLength(due));
            }
          }
        }
        expect(await test.metric(DROPPED)).toBe(0);
      });
    }

    it('[P10] or counted, when the end is a reset', async () => {
      await using test = await startGateway(true);
      const port = portOf(test);
      const ids = Array.from({ length: CLIENTS }, (_, i) => `dev-${i}`);
      await Promise.all(
        ids.map((id) => send({ port, id, chunks: session(id, 0, 12, true, false), turns: 2, how: 'reset' })),
      );
      // What the kernel threw away upon the reset was not received.
      const books = async () => {
        const messages = (await test.metric('ingest_messages_total{qos="0",version="3.1.1"}')) ?? 0;
        return { messages, stored: test.log.records.length };
      };
      await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
      const { messages, stored } = await books();
      expect(stored).toBe(messages);
    });
  });

  it('a WebSocket that is reset while it has nothing to say is gone', async () => {
    await using test = await startGateway(true);
    let tcp: Socket | undefined;
    const socket = new WebSocket(`ws://127.0.0.1:${test.gateway.ports.webSocket}`, 'mqtt', {
      createConnection: () => {
        tcp = connect({ port: test.gateway.ports.webSocket as number, host: '127.0.0.1' });
        return tcp;
      },
    });
    socket.on('error', () => undefined);
    await once(socket, 'open');
    for (const packet of session('dev-1', 0, 1, true, false)) socket.send(packet);
    await eventually(() => expect(test.log.records).toHaveLength(1));
    expect(await test.metric('ingest_connected_devices')).toBe(1);
    tcp?.resetAndDestroy();
    await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
  });

  it('[P1] a client that has ended its side still gets its answers', async () => {
    await using test = await startGateway(true);
    const socket = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    test.log.hold();
    const packets = session('dev-1', 1, 3, true, false);
    client.send(...packets);
    socket.end();
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    await eventually(() => expect(test.log.waiting).toHaveLength(3));
    expect(client.received).toEqual([]);
    test.log.release();
    expect((await client.take(4)).map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
    await client.closed;
    await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
  });

  it.each(Object.entries(SPLITS))(
    'what stands behind a DISCONNECT is not looked at, %s',
    async (_name, split) => {
      await using test = await startGateway(true);
      const publishes = (from: number) =>
        [from, from + 1].map((seq) => bytesOf(publishPacket('dev-1', reading(seq), 0, { qos: 0 })));
      const packets = [...session('dev-1', 0, 2, true, true), ...publishes(7)];
      await overSocket({ port: test.port, id: 'dev-1', chunks: split(packets), turns: 0, how: 'fin' }, false);
      await eventually(() => expect(test.log.records).toHaveLength(2));
      await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
      await turn();
      expect(test.log.records).toHaveLength(2);
    },
  );

  it.each([
    ['DISCONNECT', { cmd: 'disconnect' } as const],
    ['a second CONNECT', connectPacket('dev-1')],
  ])('nothing that stands behind %s, in one slice of an open connection', async (_name, last) => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(
      Buffer.concat([
        bytesOf(publishPacket('dev-1', reading(0), 1)),
        bytesOf(last),
        bytesOf(publishPacket('dev-1', reading(1), 2)),
        bytesOf(publishPacket('dev-1', reading(2), 3)),
      ]),
    );
    await client.closed;
    await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
    await turn();
    expect(test.log.records).toHaveLength(1);
  });

  it('[P9] nothing of a client that is refused', async () => {
    await using test = await startGateway(true);
    const chunks = session('stranger', 0, 5, true, true);
    await overSocket({ port: test.port, id: 'stranger', chunks, turns: 0, how: 'fin' }, false);
    await eventually(async () =>
      expect(await test.metric('ingest_refused_total{reason="bad-credentials"}')).toBe(1),
    );
    await turn();
    expect(test.log.records).toEqual([]);
    expect(await test.metric(DROPPED)).toBe(0);
  });

  it('[P6] messages that come with a reset count for the rate of the device', async () => {
    await using test = await startTestGateway({ limits: { messageBurst: 5, messagesPerSecond: 0.001 } });
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(...Array.from({ length: 100 }, (_, i) => publishPacket('dev-1', reading(i), 0, { qos: 0 })));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    client.send(
      ...Array.from({ length: 2_000 }, (_, i) => publishPacket('dev-1', reading(i), 0, { qos: 0 })),
    );
    const other = await RawClient.device(test.port, 'dev-1');
    await client.closed;
    await eventually(async () => expect(await test.metric(DROPPED)).toBeGreaterThan(300));
    expect(await test.metric('ingest_packets_total{type="publish"}'), 'the rest is not parsed').toBe(100);
    other.socket.destroy();
  });

  it('[P4] all that devices left is handled before what their next connections bring in the same moment', async () => {
    await using test = await startTestGateway({
      limits: { messagesPerSecond: 1e6, messageBurst: 1e6, connectsPerMinute: 1_000 },
    });
    const ids = Array.from({ length: 150 }, (_, i) => `dev-${i}`);
    const publishes = (id: string, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => publishPacket(id, reading(from + i), 0, { qos: 0 }));
    const open = async () => {
      const clients: RawClient[] = [];
      for (const _ of ids) clients.push(await RawClient.open(test.port));
      return clients;
    };
    const [older, newer] = [await open(), await open()];
    const session = (id: string, from: number, to: number) =>
      Buffer.concat([connectPacket(id), ...publishes(id, from, to)].map((packet) => bytesOf(packet)));
    const [before, after] = [ids.map((id) => session(id, 0, 300)), ids.map((id) => session(id, 300, 301))];
    for (const [i, { socket }] of older.entries()) socket.write(before[i] as Buffer);
    await turn();
    for (const { socket } of older) socket.destroy();
    for (const [i, { socket }] of newer.entries()) socket.write(after[i] as Buffer);
    await eventually(() => expect(test.log.records).toHaveLength(ids.length * 301));
    expect(await test.metric(DROPPED)).toBe(0);
    for (const id of ids) {
      const own = test.log.records.filter(({ key }) => Buffer.from(key ?? []).toString() === id);
      const seqs = own.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()).seq);
      expect(seqs).toEqual([...Array(301).keys()]);
    }
  });

  it('[P10] what stands behind a fault of the protocol is counted', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const publish = bytesOf(publishPacket('dev-1', reading(0), 0, { qos: 0 }));
    const behind = Array.from({ length: 10 }, () => publish);
    client.send(Buffer.concat([publish, bytesOf(connectPacket('dev-1')), ...behind]));
    await client.closed;
    await eventually(async () => expect(await test.metric(DROPPED)).toBe(10));
    expect(test.log.records).toHaveLength(1);
  });

  it('[P10] what was not given to a parser that failed is counted', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const publish = bytesOf(publishPacket('dev-1', '1', 0, { qos: 0 }));
    const pubrelWithoutItsBits = Buffer.of(0x60, 2, 0, 1);
    client.send(Buffer.concat([pubrelWithoutItsBits, ...Array.from({ length: 300 }, () => publish)]));
    await client.closed;
    const given = 128 - 1;
    await eventually(async () => expect(await test.metric(DROPPED)).toBe(300 - given));
  });

  it('[P10] what else comes with it is not even parsed', async () => {
    await using test = await startTestGateway({ limits: { messageBurst: 5, messagesPerSecond: 0.001 } });
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(
      Buffer.alloc(120_000, Buffer.from([0xc0, 0])),
      publishPacket('dev-1', reading(1), 0, { qos: 0 }),
    );
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    const parsed = await test.metric('ingest_packets_total{type="pingreq"}');
    const other = await RawClient.device(test.port, 'dev-1');
    await client.closed;
    expect(await test.metric('ingest_packets_total{type="pingreq"}')).toBe(parsed);
    other.socket.destroy();
  });

  it('a client that ends without a CONNECT, or within one, is closed at once', async () => {
    await using test = await startGateway(false);
    for (const bytes of [Buffer.of(), bytesOf(connectPacket('dev-1')).subarray(0, 10)]) {
      const client = await RawClient.open(test.port);
      client.send(bytes);
      client.socket.end();
      await client.closed;
    }
  });
});
