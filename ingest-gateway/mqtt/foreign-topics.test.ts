import { connectAsync } from 'mqtt';
import type { Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { bytesOf, connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';

const DISCARDED = 'ingest_tolerated_total{kind="foreign-topic"}';
const CLOSED = 'ingest_refused_total{reason="foreign-topic"}';
const TOPICS = [
  'devices/victim/telemetry',
  'devices/dev-1/telemetry/x',
  'devices/dev-1/telemetry/',
  'devices/dev-1\u0000/telemetry',
  '$SYS/anything/new/clients',
  // aedes alone would close the connection for each of these.
  '',
  'devices/+/telemetry',
  '#',
  'x/'.repeat(150),
];

/** mqtt-packet writes no PUBLISH with a topic that is not allowed: the bytes are made here. */
function publishTo(topic: string, payload: string, messageId: number, qos: 0 | 1 | 2): Buffer {
  const stand = 'x'.repeat(Buffer.byteLength(topic));
  const bytes = Buffer.from(
    bytesOf(publishPacket('', payload, messageId, { topic: stand === '' ? 'x' : stand, qos })),
  );
  if (stand !== '') {
    bytes.write(topic, bytes.indexOf(stand));
    return bytes;
  }
  const at = bytes.indexOf(Buffer.from([0, 1, 0x78]));
  bytes.writeUInt8(bytes.readUInt8(1) - 1, 1);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([0, 0]), bytes.subarray(at + 3)]);
}

const ids = (packets: readonly Packet[]): string[] =>
  packets.map(({ cmd, messageId }) => `${cmd} ${messageId}`);

describe('messages to topics that are not the device’s own', () => {
  it.each([0, 1, 2] as const)(
    '[P9] QoS %d: are acknowledged, thrown away and counted, whatever the topic',
    async (qos) => {
      await using test = await startTestGateway();
      const victim = await RawClient.device(test.port, 'victim');
      const client = await RawClient.device(test.port, 'dev-1');
      const messages = TOPICS.map((topic, i) => publishTo(topic, reading(i), i + 1, qos));
      client.send(...messages, publishPacket('dev-1', reading(99), 99));
      const expected = qos === 0 ? [] : TOPICS.map((_, i) => `${qos === 1 ? 'puback' : 'pubrec'} ${i + 1}`);
      expect(ids(await client.take(expected.length + 1))).toEqual([...expected, 'puback 99']);
      if (qos === 2) {
        client.send({ cmd: 'pubrel', messageId: 1 });
        expect(await client.next()).toMatchObject({ cmd: 'pubcomp', messageId: 1 });
      }
      victim.send({ cmd: 'pingreq' });
      expect(await victim.next()).toMatchObject({ cmd: 'pingresp' });
      expect(victim.received).toEqual([]);
      expect(test.log.records.map(({ key }) => key)).toEqual(['dev-1']);
      expect(await test.metric(DISCARDED)).toBe(TOPICS.length);
      expect(await test.metric(CLOSED)).toBe(0);
      expect(test.lines.filter((line) => line.includes('not its own'))).toHaveLength(1);
    },
  );

  it('[P9] also those that come together with the CONNECT', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.open(test.port);
    client.send(connectPacket('dev-1'), ...TOPICS.map((topic, i) => publishTo(topic, 'x', i + 1, 1)));
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    expect(ids(await client.take(TOPICS.length))).toEqual(TOPICS.map((_, i) => `puback ${i + 1}`));
    expect(test.log.records).toEqual([]);
  });

  it('[P1] are acknowledged in their order, behind readings that are not durable yet', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(publishPacket('dev-1', reading(1), 1), publishTo('other', 'x', 2, 1), { cmd: 'pingreq' });
    expect(ids(await client.take(1))).toEqual(['pingresp undefined']);
    test.log.release();
    expect(ids(await client.take(2))).toEqual(['puback 1', 'puback 2']);
  });

  it('are shown by topic, few of them', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const topics = Array.from({ length: 20 }, (_, i) => `other/${i}`);
    client.send(...topics.map((topic, i) => publishTo(topic, 'x', i + 1, 1)));
    await client.take(topics.length);
    client.send(publishTo('other/0', 'x', 1, 1), publishTo(`long/${'x'.repeat(10_000)}`, 'x', 2, 1));
    await client.take(2);
    const discarded = test.gateway.devices()[0]?.discarded ?? {};
    expect(discarded['other/0']).toBe(2);
    expect(discarded['(others)']).toBe(13);
    expect(Object.keys(discarded)).toHaveLength(9);
  });

  it('[P10] end the connection when they come faster than clumsy firmware makes them', async () => {
    await using test = await startTestGateway({
      limits: { foreignMessageBurst: 10, foreignMessagesPerSecond: 0.001 },
    });
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(...Array.from({ length: 12 }, (_, i) => publishTo('other', 'x', i + 1, 1)));
    await client.closed;
    expect(client.received.length).toBe(10);
    expect(await test.metric(CLOSED)).toBe(1);
    expect(test.log.records).toEqual([]);
  });

  it('MQTT.js, which resends its status first on each connect, gets its readings through', async () => {
    await using test = await startTestGateway();
    const client = await connectAsync({ port: test.port, host: '127.0.0.1', clientId: 'dev-1' });
    let connects = 0;
    client.on('connect', () => connects++);
    const status = client.publishAsync('devices/dev-1/status', 'online', { qos: 1 });
    const readings = Array.from({ length: 29 }, (_, seq) =>
      client.publishAsync('devices/dev-1/telemetry', reading(seq), { qos: 1 }),
    );
    await Promise.all([status, ...readings]);
    await client.endAsync();
    expect(connects).toBe(0);
    expect(test.log.records).toHaveLength(29);
  });
});

describe('filters', () => {
  it('[P9] a SUBSCRIBE or UNSUBSCRIBE with filters that are none is answered, one code for each filter', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    const filters = ['a#', 'a#', '+a', '', 'x/'.repeat(150), 'a'];
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: filters.map(() => ({ topic: 'a', qos: 1 })),
    });
    expect(await client.next()).toMatchObject({ cmd: 'suback', granted: filters.map(() => 0x80) });
    for (const [index, filter] of filters.filter((it) => it !== '').entries()) {
      const stand = 'x'.repeat(filter.length);
      const subscribe = Buffer.from(
        bytesOf({ cmd: 'subscribe', messageId: index + 2, subscriptions: [{ topic: stand, qos: 1 }] }),
      );
      subscribe.write(filter, subscribe.indexOf(stand));
      const unsubscribe = Buffer.from(
        bytesOf({ cmd: 'unsubscribe', messageId: index + 2, unsubscriptions: [stand] }),
      );
      unsubscribe.write(filter, unsubscribe.indexOf(stand));
      client.send(subscribe, unsubscribe);
      expect(ids(await client.take(2)).sort()).toEqual([`suback ${index + 2}`, `unsuback ${index + 2}`]);
    }
  });
});
