import { describe, expect, it } from 'vitest';
import { publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { eventually } from '#runtime/testing/eventually.ts';

const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;
const body = (type: number, ...bytes: number[]): Buffer => Buffer.from([type, bytes.length, ...bytes]);
const topic = [0, 1, 0x61];

describe('a packet against the rules ends the connection, and is counted [P10]', () => {
  const packets: Readonly<Record<string, Buffer>> = {
    'PUBLISH with packet id 0': body(0x32, ...topic, 0, 0),
    'PUBLISH without a packet id': Buffer.concat([body(0x32, ...topic), body(0xc0), body(0xc0)]),
    'PUBLISH with half a packet id': Buffer.concat([body(0x32, ...topic, 0), body(0xc0)]),
    '… with nothing behind it yet': body(0x32, ...topic, 0),
    'PUBREL with half a packet id': body(0x62, 7),
    '… and a packet behind it': Buffer.concat([body(0x62, 7), body(0xc0)]),
    'SUBSCRIBE with packet id 0': body(0x82, 0, 0, ...topic, 0),
    'SUBSCRIBE without a filter': body(0x82, 0, 1),
    'SUBSCRIBE with a filter that is cut off': body(0x82, 0, 1, 0, 9, 0x61),
    'UNSUBSCRIBE without a filter': body(0xa2, 0, 1),
    'UNSUBSCRIBE with packet id 0': body(0xa2, 0, 0, ...topic),
    'PUBREL with packet id 0': body(0x62, 0, 0),
    'PUBACK with packet id 0': body(0x40, 0, 0),
    CONNACK: body(0x20, 0, 0),
    SUBACK: body(0x90, 0, 1, 0),
    UNSUBACK: body(0xb0, 0, 1),
    PINGRESP: body(0xd0),
  };
  for (const [name, bytes] of Object.entries(packets))
    it(name, async () => {
      await using test = await startTestGateway();
      const client = await RawClient.device(test.port, 'dev-1');
      client.send(bytes);
      await client.closed;
      expect(client.received).toEqual([]);
      expect(await test.metric(refused('protocol-error'))).toBe(1);
    });

  it('a message of no bytes is none of these', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(publishPacket('dev-1', '', 7));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 7 });
  });

  for (const cmd of ['subscribe', 'unsubscribe'] as const)
    it(`${cmd.toUpperCase()} with more filters than anybody needs`, async () => {
      await using test = await startTestGateway({ limits: { filtersPerPacket: 3 } });
      const filters = (count: number) => Array.from({ length: count }, (_, i) => `a/${i}`);
      const send = (client: RawClient, count: number): void =>
        client.send(
          cmd === 'subscribe'
            ? {
                cmd,
                messageId: 1,
                subscriptions: filters(count).map((it) => ({ topic: it, qos: 0 as const })),
              }
            : { cmd, messageId: 1, unsubscriptions: filters(count) },
        );
      const client = await RawClient.device(test.port, 'dev-1');
      send(client, 3);
      expect(await client.next()).toMatchObject({ cmd: cmd === 'subscribe' ? 'suback' : 'unsuback' });
      send(client, 4);
      await client.closed;
      expect(await test.metric(refused('too-many-filters'))).toBe(1);
    });
});

describe('work is charged to the device that makes it', () => {
  const cheap = { messagesPerSecond: 1, messageBurst: 50 };

  it('[P6] PUBREL for messages that do not exist, each answered, then slowed', async () => {
    await using test = await startTestGateway({ limits: cheap });
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(...Array.from({ length: 60 }, () => body(0x62, 0, 9)));
    const answers = await client.take(60);
    expect(answers.every((answer) => answer.cmd === 'pubcomp' && answer.messageId === 9)).toBe(true);
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    expect(await test.metric('ingest_packets_total{type="pubrel"}')).toBe(60);
  });

  it('the PUBREL of a message of QoS 2 is free: its PUBLISH paid', async () => {
    await using test = await startTestGateway({ limits: { ...cheap, messageBurst: 11 } });
    const client = await RawClient.device(test.port, 'dev-1');
    for (let id = 1; id <= 9; id++) {
      client.send(publishPacket('dev-1', reading(id), id, { qos: 2 }));
      expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: id });
      client.send({ cmd: 'pubrel', messageId: id });
      expect(await client.next()).toMatchObject({ cmd: 'pubcomp', messageId: id });
    }
    expect(await test.metric('ingest_paused_devices')).toBe(0);
  });

  it('each dead letter costs as much as a message', async () => {
    await using test = await startTestGateway({ limits: cheap });
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(publishPacket('dev-1', JSON.stringify(Array.from({ length: 100 }, () => ({}))), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    client.send(publishPacket('dev-1', reading(1), 2));
    client.send(publishPacket('dev-1', reading(2), 3));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
  });
});

describe('unfinished packets', () => {
  it('[P10] are bounded in bytes over all connections: the largest is ended, the others go on', async () => {
    await using test = await startTestGateway({ limits: { partialPacketBytes: 100_000 } });
    const small = await RawClient.device(test.port, 'small');
    const whole = Buffer.concat([publishBytes('small', 20_000)]);
    small.socket.write(whole.subarray(0, whole.length - 10));
    const large = await RawClient.device(test.port, 'large');
    large.socket.write(publishBytes('large', 200_000).subarray(0, 150_000));
    await large.closed;
    expect(await test.metric(refused('partial-packets'))).toBe(1);
    small.socket.write(whole.subarray(whole.length - 10));
    expect(await small.next()).toMatchObject({ cmd: 'puback' });
  });
});

function publishBytes(deviceId: string, bytes: number): Buffer {
  const name = Buffer.from(`devices/${deviceId}/telemetry`);
  const rest = Buffer.concat([
    Buffer.from([0, name.length]),
    name,
    Buffer.from([0, 1]),
    Buffer.alloc(bytes, 0x20),
  ]);
  const length: number[] = [];
  for (let left = rest.length; left > 0; left = Math.floor(left / 128))
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
  return Buffer.concat([Buffer.from([0x32, ...length]), rest]);
}
