import { connectAsync } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { bytesOf, connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/** Where a short CONNECT has its flags: mqtt-packet writes only valid ones. */
const FLAGS_AT = 9;

const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;
const tolerated = (kind: string): string => `ingest_tolerated_total{kind="${kind}"}`;

describe('who may connect', () => {
  it('[P9] answers a client id that is no device id with return code 2', async () => {
    await using test = await startTestGateway();
    const ids = ['a b', 'a/b', 'a+', '#', 'a\u0000b', 'a\u0007', 'ä', 'x'.repeat(65), '__proto__ ', ''];
    for (const id of ids) {
      const client = await RawClient.open(test.port);
      client.send(connectPacket(id));
      expect(await client.next(), JSON.stringify(id)).toMatchObject({ cmd: 'connack', returnCode: 2 });
      await client.closed;
    }
    const invalidUtf8 = Buffer.from(bytesOf(connectPacket('abcd')));
    invalidUtf8.fill(0xff, invalidUtf8.length - 2);
    const client = await RawClient.open(test.port);
    client.send(invalidUtf8);
    expect(await client.next()).toMatchObject({ returnCode: 2 });
    expect(await test.metric(refused('invalid-client-id'))).toBe(ids.length + 1);
  });

  it('[P9] refuses an empty client id with a persistent session, which aedes would accept', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.open(test.port);
    const bytes = Buffer.from(bytesOf(connectPacket('')));
    bytes.writeUInt8(bytes.readUInt8(FLAGS_AT) & ~0x02, FLAGS_AT);
    client.send(bytes);
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 2 });
    await client.closed;
  });

  it('[P9] refuses a user name that is not the client id', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.open(test.port);
    client.send(connectPacket('dev-1', { username: 'dev-2', password: Buffer.from('x') }));
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 5 });
    await client.closed;
    expect(await test.metric(refused('wrong-identity'))).toBe(1);
  });

  it('accepts ids that are properties of objects', async () => {
    await using test = await startTestGateway();
    for (const id of ['constructor', '__proto__', 'toString']) {
      const client = await RawClient.device(test.port, id);
      client.send(publishPacket(id, reading(1), 7));
      expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 7 });
    }
    expect(test.gateway.devices().map(({ id }) => id)).toEqual(['constructor', '__proto__', 'toString']);
  });

  it('accepts MQTT 3.1 with a long client id', async () => {
    await using test = await startTestGateway();
    const old = { protocolId: 'MQIsdp', protocolVersion: 3 } as const;
    const client = await RawClient.device(test.port, 'x'.repeat(64), old);
    client.send(publishPacket('x'.repeat(64), reading(1), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(await test.metric('ingest_messages_total{qos="1",version="3.1"}')).toBe(1);
  });

  it('answers return code 3 while the event log cannot be written', async () => {
    await using test = await startTestGateway();
    test.log.up = false;
    expect(test.gateway.readiness().eventLog).toMatchObject({ required: true, up: false });
    const client = await RawClient.open(test.port);
    client.send(connectPacket('dev-1'));
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 3 });
    await client.closed;
    expect(await test.metric(refused('log-unavailable'))).toBe(1);
    test.log.up = true;
    await RawClient.device(test.port, 'dev-1');
  });

  it('lets a second connection of a device take over, and keeps its own books right', async () => {
    await using test = await startTestGateway();
    const first = await RawClient.device(test.port, 'dev-1');
    const second = await RawClient.device(test.port, 'dev-1');
    await first.closed;
    expect(await test.metric(tolerated('takeover'))).toBe(1);
    expect(await test.metric('ingest_connected_devices')).toBe(1);
    second.send(publishPacket('dev-1', reading(1), 1));
    expect(await second.next()).toMatchObject({ cmd: 'puback' });
    second.socket.destroy();
    await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
    expect(test.gateway.devices()).toMatchObject([{ id: 'dev-1', connected: false, accepted: 1 }]);
  });

  it.each([4, 5] as const)(
    '[P1] a second connection that ends before it is let in takes nothing from the first (version %s)',
    async (protocolVersion) => {
      await using test = await startTestGateway();
      const first = await RawClient.device(test.port, 'dev-1', { protocolVersion });
      const second = await RawClient.open(test.port, protocolVersion);
      second.send(connectPacket('dev-1', { protocolVersion }), Buffer.from([0x00, 0x00]));
      await second.closed;
      first.send(publishPacket('dev-1', reading(1), 1));
      expect(await first.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
      expect(await test.metric(tolerated('takeover'))).toBe(0);
    },
  );

  it('refuses connections above the limit', async () => {
    await using test = await startTestGateway({ limits: { connections: 2, reservedConnections: 0 } });
    await RawClient.device(test.port, 'dev-1');
    const second = await RawClient.device(test.port, 'dev-2');
    const third = await RawClient.open(test.port);
    await third.closed;
    expect(await test.metric(refused('too-many-connections'))).toBe(1);
    second.socket.destroy();
    await eventually(() => RawClient.device(test.port, 'dev-3'));
  });
});

describe('who takes the places of others [P10]', () => {
  it('the oldest of too many silent sockets give way; a device beside them is connected', async () => {
    await using test = await startTestGateway({ limits: { silentPerAddress: 3 } });
    const device = await RawClient.device(test.port, 'dev-1');
    const silent: RawClient[] = [];
    for (let i = 0; i < 10; i++) silent.push(await RawClient.open(test.port));
    await Promise.all(silent.slice(0, 7).map(({ closed }) => closed));
    expect(await test.metric(refused('too-many-from-address'))).toBe(7);
    device.send(publishPacket('dev-1', reading(1), 1));
    expect(await device.next()).toMatchObject({ cmd: 'puback' });
    await RawClient.device(test.port, 'dev-2');
  });

  it.each([
    ['as many as are configured', { limits: { connections: 2, reservedConnections: 2 } }, 0],
    [
      'fewer, for want of descriptors',
      { limits: { connections: 4, reservedConnections: 4 }, openFiles: 8 },
      1,
    ],
  ])('the last places are kept for devices that were connected before: %s', async (_, options, told) => {
    await using test = await startTestGateway(options);
    expect(test.lines.filter((line) => line.includes('"openFiles":8'))).toHaveLength(told);
    const known = await RawClient.device(test.port, 'known');
    known.socket.destroy();
    await eventually(() => expect(test.gateway.connectedDevices()).toBe(0));
    await RawClient.device(test.port, 'new-1');
    await RawClient.device(test.port, 'new-2');
    await expect(RawClient.device(test.port, 'new-3')).rejects.toThrow('"returnCode":3');
    await RawClient.device(test.port, 'known');
    expect(await test.metric(refused('too-many-connections'))).toBe(1);
  });
});

describe('deadlines', () => {
  it('[P10] closes a socket without a complete CONNECT', async () => {
    await using test = await startTestGateway({ limits: { connectMs: 50 } });
    const silent = await RawClient.open(test.port);
    const slow = await RawClient.open(test.port);
    slow.send(bytesOf(connectPacket('dev-1')).subarray(0, 10));
    await Promise.all([silent.closed, slow.closed]);
    expect(await test.metric(refused('connect-timeout'))).toBe(2);
  });

  it('[P10] closes a connection that is silent beyond the longest keepalive, also without a keepalive', async () => {
    await using test = await startTestGateway({ limits: { maxKeepaliveSeconds: 0.1 } });
    const client = await RawClient.device(test.port, 'dev-1', { keepalive: 0 });
    await client.closed;
    expect(await test.metric(refused('keepalive-timeout'))).toBe(1);
    expect(await test.metric(tolerated('keepalive'))).toBe(1);
  });

  it.each([4, 5] as const)(
    '[P6] does not take for silent who waits for us: its packets lie unread (protocol version %d)',
    async (protocolVersion) => {
      // As many as one turn may take are two thirds of a second of its rate.
      const limits = { messagesPerSecond: 200, messageBurst: 100, maxKeepaliveSeconds: 0.15 };
      await using test = await startTestGateway({ limits });
      const client = await RawClient.device(test.port, 'dev-1', { keepalive: 0, protocolVersion });
      client.send(...Array.from({ length: 600 }, () => ({ cmd: 'pingreq' }) as const));
      expect(await client.take(600)).toHaveLength(600);
      await client.closed;
      expect(await test.metric(refused('keepalive-timeout'))).toBe(1);
    },
  );
});

describe('clumsy firmware is tolerated [P10]', () => {
  it('wills are accepted and discarded', async () => {
    await using test = await startTestGateway();
    const will = {
      topic: 'devices/dev-1/telemetry',
      payload: Buffer.from(reading(1)),
      qos: 1,
      retain: true,
    } as const;
    const client = await RawClient.device(test.port, 'dev-1', { will });
    client.socket.destroy();
    await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
    expect(test.log.records).toEqual([]);
    expect(await test.metric(tolerated('will'))).toBe(1);
  });

  it('a persistent session is accepted, and none is present', async () => {
    await using test = await startTestGateway();
    for (const clean of [false, false, true]) {
      const client = await RawClient.open(test.port);
      client.send(connectPacket('dev-1', { clean }));
      expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0, sessionPresent: false });
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
      await client.next();
      client.socket.destroy();
    }
    expect(await test.metric(tolerated('persistent-session'))).toBe(2);
  });

  it('a retain flag is cleared', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(publishPacket('dev-1', reading(1), 1, { retain: true }));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    expect(test.log.records).toHaveLength(1);
    expect(await test.metric(tolerated('retain'))).toBe(1);
  });

  it('[P9] every subscription is answered with 0x80, and the connection goes on', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const topics = ['#', '$SYS/#', 'devices/+/telemetry', 'devices/dev-1/telemetry', 'a#', '+a'];
    for (const [index, topic] of topics.entries()) {
      client.send({ cmd: 'subscribe', messageId: index + 1, subscriptions: [{ topic, qos: 2 }] });
      const answer = await client.next();
      // Some of these are no filters at all: aedes closes the connection, or lets the filter through to us.
      if (answer === undefined) break;
      expect(answer).toMatchObject({ cmd: 'suback', granted: [0x80] });
    }
    const other = await RawClient.device(test.port, 'dev-2');
    other.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] });
    await other.next();
    other.send(publishPacket('dev-2', reading(1), 2), { cmd: 'pingreq' });
    expect((await other.take(2)).map(({ cmd }) => cmd).sort()).toEqual(['pingresp', 'puback']);
    expect(other.received).toEqual([]);
    expect(await test.metric(tolerated('subscription'))).toBeGreaterThanOrEqual(5);
  });
});

describe('hostile clients are disconnected and counted [P10]', () => {
  it('[P10] a will with QoS 3 is not accepted', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.open(test.port);
    const will = { topic: 'a', payload: Buffer.from('x'), qos: 2, retain: false } as const;
    const bytes = Buffer.from(bytesOf(connectPacket('dev-1', { will })));
    bytes.writeUInt8(bytes.readUInt8(FLAGS_AT) | 0x18, FLAGS_AT);
    client.send(bytes);
    await client.closed;
    expect(client.received).toEqual([]);
    expect(await test.metric(refused('invalid-will'))).toBe(1);
  });

  it('[P10] a packet above 4 KiB before CONNECT was accepted ends the connection', async () => {
    await using test = await startTestGateway();
    const password = Buffer.alloc(LIMITS.packetBytesBeforeConnect, 'x');
    const client = await RawClient.open(test.port);
    client.send(connectPacket('dev-1', { username: 'dev-1', password }));
    await client.closed;
    expect(client.received).toEqual([]);
    expect(await test.metric(refused('packet-too-large'))).toBe(1);
  });

  it('[P10] a packet above 256 KiB ends the connection as soon as it is announced', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const packet = bytesOf(publishPacket('dev-1', Buffer.alloc(LIMITS.packetBytes, 'x'), 1));
    client.send(packet.subarray(0, 10));
    await client.closed;
    expect(await test.metric(refused('packet-too-large'))).toBe(1);
  });

  it('[P5] a packet of 256 KiB is a dead letter and acknowledged', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const envelope = bytesOf(publishPacket('dev-1', Buffer.alloc(100_000), 1)).length - 100_000 - 4;
    const payload = Buffer.alloc(LIMITS.packetBytes - envelope, 'x');
    client.send(publishPacket('dev-1', payload, 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    expect(test.log.records).toHaveLength(1);
    expect(test.log.records[0]?.headers).toMatchObject({ 'dlq.reason': 'payload-too-large' });
    expect(payload.equals(test.log.records[0]?.value as Uint8Array)).toBe(true);
  });

  it('[P10] what is no MQTT ends the connection', async () => {
    await using test = await startTestGateway();
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\u0000'.repeat(100), 'þ'.repeat(1000)]) {
      const client = await RawClient.open(test.port);
      client.send(Buffer.from(bytes));
      await client.closed;
    }
    const publishFirst = await RawClient.open(test.port);
    publishFirst.send(publishPacket('dev-1', reading(1), 1));
    await publishFirst.closed;
    const twice = await RawClient.device(test.port, 'dev-1');
    twice.send(connectPacket('dev-1'));
    await twice.closed;
    expect(await test.metric(refused('protocol-error'))).toBe(5);
    expect(test.log.records).toEqual([]);
  });

  it('[P10] a fault of ours ends the client, not the process', async () => {
    let broken = false;
    const now = (): number => {
      if (!broken) return Date.now();
      broken = false;
      throw new Error('a fault of ours');
    };
    await using test = await startTestGateway({}, { now });
    const client = await RawClient.device(test.port, 'dev-1');
    broken = true;
    client.send(publishPacket('dev-1', reading(1), 1));
    await client.closed;
    expect(await test.metric(refused('internal-error'))).toBe(1);
    await RawClient.device(test.port, 'dev-1');
  });
});

describe('real clients', () => {
  it('MQTT.js publishes with every QoS', async () => {
    await using test = await startTestGateway();
    const client = await connectAsync({
      port: test.port,
      host: '127.0.0.1',
      clientId: 'dev-1',
      clean: false,
    });
    for (const qos of [0, 1, 2] as const) {
      await client.publishAsync('devices/dev-1/telemetry', reading(qos), { qos });
    }
    await client.endAsync();
    await eventually(() => expect(test.log.records).toHaveLength(3));
  });
});
