import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { bytesOf, connectPacket, publishPacket } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';

const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n';

async function open(test: TestGateway): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${test.gateway.ports.webSocket}`, 'mqtt', { autoPong: false });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
}
/** To write what is no frame, or not a whole one. */
const tcpOf = (socket: WebSocket): Socket => (socket as unknown as { readonly _socket: Socket })._socket;
const closed = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', resolve));

describe('a WebSocket before CONNECT [P10]', () => {
  it('is ended when it sent more than a CONNECT can be, however it is cut into frames and fragments', async () => {
    const ways: Readonly<Record<string, (socket: WebSocket) => void>> = {
      'one message': (socket) => socket.send(Buffer.alloc(20_000)),
      'a message that never ends': (socket) => {
        for (let i = 0; i < 3_000; i++) socket.send(Buffer.alloc(1), { fin: false });
      },
      'fragments of nothing': (socket) => {
        for (let i = 0; i < 3_000; i++) socket.send(Buffer.alloc(0), { fin: false });
      },
      'a message for each byte': (socket) => {
        for (let i = 0; i < 3_000; i++) socket.send(Buffer.from([0x10]));
      },
    };
    for (const [name, send] of Object.entries(ways)) {
      await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
      const socket = await open(test);
      send(socket);
      await closed(socket);
      const counts = [
        await test.metric(refused('packet-too-large')),
        await test.metric(refused('protocol-error')),
      ];
      expect(counts.toSorted(), name).toEqual([0, 1]);
    }
  });

  it('is ended when it sends pings instead, and counted', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const socket = await open(test);
    for (let i = 0; i < 500; i++) socket.ping();
    await closed(socket);
    expect(await test.metric(refused('protocol-error'))).toBe(1);
  });

  it('is not looked at any more behind what it is ended for', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const socket = connect({ port: test.gateway.ports.webSocket ?? 0, host: '127.0.0.1' });
    socket.write(UPGRADE);
    await once(socket, 'data');
    const events = vi.spyOn(WebSocket.prototype, 'emit');
    // A masked ping without content.
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from('898000000000', 'hex')));
    socket.on('error', () => undefined).write(pings);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await test.metric(refused('protocol-error'))).toBe(1);
    expect(events.mock.calls.filter(([name]) => name === 'ping').length).toBeLessThan(1_000);
    events.mockRestore();
  });

  it('[P10] that was refused is not listened to for long, whatever it goes on to send', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const socket = connect({ port: test.gateway.ports.webSocket ?? 0, host: '127.0.0.1' });
    socket.write(UPGRADE);
    await once(socket, 'data');
    const events = vi.spyOn(WebSocket.prototype, 'emit');
    // Masked by nothing. CONNECT of MQTT 5 with an empty client id, and single bytes.
    const refusedConnect = Buffer.from('828f00000000100d00044d5154540502003c000000', 'hex');
    const bytes = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from('82810000000030', 'hex')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).write(refusedConnect);
    await eventually(async () => expect(await test.metric(refused('invalid-client-id'))).toBe(1));
    socket.write(bytes);
    await closed;
    expect(events.mock.calls.filter(([name]) => name === 'message').length).toBeLessThan(4_000);
    events.mockRestore();
  });

  it('may send its first publishes with its CONNECT', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const socket = await open(test);
    const publishes = Array.from({ length: 200 }, (_, i) =>
      bytesOf(publishPacket('dev-1', reading(i), i + 1)),
    );
    socket.send(Buffer.concat([bytesOf(connectPacket('dev-1')), ...publishes]));
    await eventually(() => expect(test.log.durable).toBe(200));
    socket.terminate();
  });
});

describe('a WebSocket of a device', () => {
  it('[P10] is ended when it sends frames that bring nothing, again and again', async () => {
    for (const frame of ['ping', 'empty'] as const) {
      await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
      const socket = await open(test);
      socket.send(bytesOf(connectPacket('dev-1')));
      await eventually(() => expect(test.gateway.connectedDevices()).toBe(1));
      for (let i = 0; i < 50; i++) socket.ping();
      socket.send(bytesOf(publishPacket('dev-1', reading(1), 1)));
      await eventually(() => expect(test.log.durable).toBe(1));
      for (let i = 0; i < 200; i++) {
        if (frame === 'ping') socket.ping();
        else socket.send(Buffer.alloc(0));
      }
      await closed(socket);
      expect(await test.metric(refused('protocol-error')), frame).toBe(1);
    }
  });

  it('gets an answer to its ping; to several at once, one to the last', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const socket = await open(test);
    const answers: string[] = [];
    socket.on('pong', (data) => answers.push(String(data)));
    socket.ping('alone');
    await eventually(() => expect(answers).toEqual(['alone']));
    const written = vi.spyOn(WebSocket.prototype, 'pong');
    const tcp = tcpOf(socket);
    tcp.cork();
    for (let i = 0; i < 50; i++) socket.ping(String(i));
    tcp.uncork();
    await eventually(() => expect(answers.at(-1)).toBe('49'));
    expect(answers).toHaveLength(2);
    expect(written).toHaveBeenCalledTimes(1);
    written.mockRestore();
    socket.terminate();
  });

  it('may send a frame without content beside others, as MQTT.js does for a topic alias', async () => {
    await using test = await startTestGateway({ mqtt: { webSocketPort: 0 } });
    const url = `ws://127.0.0.1:${test.gateway.ports.webSocket}`;
    const client = await connectAsync(url, {
      clientId: 'dev-1',
      protocolVersion: 5,
      autoAssignTopicAlias: true,
    });
    const publishes = Array.from({ length: 300 }, (_, i) =>
      client.publishAsync('devices/dev-1/telemetry', reading(i), { qos: 1 }),
    );
    await Promise.all(publishes);
    await client.endAsync();
    expect(test.log.durable).toBe(300);
    expect(await test.metric(refused('protocol-error'))).toBe(0);
  });

  it('[P6] pays for frames, not only for the packets in them', async () => {
    await using test = await startTestGateway({
      mqtt: { webSocketPort: 0 },
      limits: { messagesPerSecond: 1, messageBurst: 20 },
    });
    const socket = await open(test);
    socket.send(bytesOf(connectPacket('dev-1')));
    await eventually(() => expect(test.gateway.connectedDevices()).toBe(1));
    for (const byte of bytesOf(publishPacket('dev-1', reading(1), 1))) socket.send(Buffer.from([byte]));
    for (const byte of bytesOf(publishPacket('dev-1', reading(2), 2))) socket.send(Buffer.from([byte]));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    socket.terminate();
  });
});

describe('what follows the end of a WebSocket, while nothing is read from it [P10]', () => {
  // Masked by nothing: a close frame, one of an opcode that there is not, one that is not masked.
  const ENDS = { 'a close frame': '888000000000', 'no frame': '838000000000', 'not masked': '8200' };

  it.each(Object.entries(ENDS))('is not looked at, and ends nobody else (%s)', async (_, end) => {
    await using test = await startTestGateway({
      mqtt: { webSocketPort: 0 },
      limits: { messagesPerSecond: 1, messageBurst: 5 },
    });
    const other = await connectAsync(`ws://127.0.0.1:${test.gateway.ports.webSocket}`, { clientId: 'dev-2' });
    const socket = await open(test);
    socket.send(bytesOf(connectPacket('dev-1')));
    await eventually(() => expect(test.gateway.connectedDevices()).toBe(2));
    const send = (i: number): void => socket.send(bytesOf(publishPacket('dev-1', reading(i), i + 1)));
    for (let i = 0; i < 10; i++) send(i);
    await eventually(() => expect(test.log.durable).toBe(10));
    send(10);
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    const tcp = tcpOf(socket);
    tcp.cork();
    for (let i = 11; i < 60; i++) send(i);
    tcp.write(Buffer.concat([Buffer.from(end, 'hex'), Buffer.alloc(100_000, 0x82)]));
    tcp.uncork();
    await closed(socket);
    await other.publishAsync('devices/dev-2/telemetry', reading(1), { qos: 1 });
    await other.endAsync();
  });
});

describe('what a WebSocket holds of a message that is not whole', () => {
  const unfinished: Readonly<Record<string, (socket: WebSocket, bytes: number) => void>> = {
    'in many frames': (socket, bytes) => {
      for (let i = 0; i < 100; i++) socket.send(Buffer.alloc(bytes / 100), { fin: false });
    },
    // That it is masked, with nothing, and 200,000 bytes long.
    'in one frame': (socket, bytes) => {
      const header = Buffer.from('82ff0000000000030d4000000000', 'hex');
      tcpOf(socket).write(Buffer.concat([header, Buffer.alloc(bytes)]));
    },
  };

  it.each(Object.entries(unfinished))(
    '[P10] counts as an unfinished packet: the largest is ended (%s)',
    async (_, send) => {
      await using test = await startTestGateway({
        mqtt: { webSocketPort: 0 },
        limits: { partialPacketBytes: 150_000 },
      });
      const [small, large] = [await open(test), await open(test)];
      for (const [socket, id] of [
        [small, 'small'],
        [large, 'large'],
      ] as const) {
        const answer = once(socket, 'message');
        socket.send(bytesOf(connectPacket(id)));
        await answer;
      }
      send(small, 20_000);
      send(large, 180_000);
      await closed(large);
      expect(await test.metric(refused('partial-packets'))).toBe(1);
      expect(small.readyState).toBe(WebSocket.OPEN);
      small.terminate();
    },
  );
});
