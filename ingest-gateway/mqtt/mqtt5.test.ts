import type { IPublishPacket, Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { PipelineError } from '#runtime/errors.ts';
import { eventually } from '#runtime/testing/eventually.ts';

type Client = Awaited<ReturnType<typeof RawClient.device>>;
type ConnectChanges = Parameters<typeof RawClient.device>[2];

const refused = (reason: string): string => `ingest_refused_total{reason="${reason}"}`;
const tolerated = (kind: string): string => `ingest_tolerated_total{kind="${kind}"}`;
const device = (port: number, id = 'dev-1', changes: ConnectChanges = {}): Promise<Client> =>
  RawClient.device(port, id, { protocolVersion: 5, ...changes });
const publish = (messageId: number, changes: Partial<IPublishPacket> = {}, id = 'dev-1'): IPublishPacket =>
  publishPacket(id, reading(messageId), messageId, changes);

/** CONNECT as bytes: what no generator would write. */
function rawConnect(
  id: string,
  {
    properties = [],
    flags = 2,
    version = 5,
  }: { properties?: number[]; flags?: number; version?: number } = {},
): Buffer {
  const body = [
    0,
    4,
    ...Buffer.from('MQTT'),
    version,
    flags,
    0,
    60,
    properties.length,
    ...properties,
    0,
    id.length,
    ...Buffer.from(id),
  ];
  return Buffer.of(0x10, body.length, ...body);
}
/** Of packets whose remaining length takes one byte. */
function packetSizes(bytes: Buffer): number[] {
  const sizes: number[] = [];
  for (let at = 0; at < bytes.length; at += sizes.at(-1) as number) sizes.push(2 + (bytes[at + 1] as number));
  return sizes;
}
async function refusal(
  port: number,
  ...bytes: readonly (Packet | Uint8Array)[]
): Promise<number | undefined> {
  const client = await RawClient.open(port, 5);
  client.send(...bytes);
  const packet = await client.next();
  await client.closed;
  return packet?.cmd === 'connack' || packet?.cmd === 'disconnect' ? packet.reasonCode : undefined;
}

describe('MQTT 5: CONNECT', () => {
  it('announces what there is, and what there is not', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.open(test.port, 5);
    client.send(rawConnect('dev-1'));
    expect(await client.next()).toMatchObject({
      cmd: 'connack',
      reasonCode: 0,
      sessionPresent: false,
      properties: {
        sessionExpiryInterval: 0,
        receiveMaximum: 800,
        topicAliasMaximum: 10,
        retainAvailable: false,
        maximumPacketSize: 262_144,
        wildcardSubscriptionAvailable: false,
        subscriptionIdentifiersAvailable: false,
        sharedSubscriptionAvailable: false,
      },
    });
  });

  it('tells the keepalive and the session expiry that the client gets', async () => {
    await using test = await startTestGateway();
    const connack = async (changes: ConnectChanges): Promise<object | undefined> => {
      const client = await RawClient.open(test.port, 5);
      client.send(connectPacket('dev-1', { protocolVersion: 5, ...changes }));
      const packet = await client.next();
      return packet?.cmd === 'connack' ? packet.properties : undefined;
    };
    expect(await connack({ keepalive: 60 })).not.toHaveProperty('serverKeepAlive');
    expect(await connack({ keepalive: 0 })).toHaveProperty('serverKeepAlive', 200);
    expect(await connack({ keepalive: 301 })).toHaveProperty('serverKeepAlive', 200);
    const expiry = async (sessionExpiryInterval: number): Promise<unknown> =>
      ((await connack({ properties: { sessionExpiryInterval } })) as { sessionExpiryInterval: number })
        .sessionExpiryInterval;
    expect(await expiry(3_600)).toBe(3_600);
    expect(await expiry(0xffffffff)).toBe(LIMITS.sessionExpirySeconds);
    expect(await test.metric(tolerated('keepalive'))).toBe(2);
    expect(await test.metric(tolerated('persistent-session'))).toBe(0);
  });

  it('[P9] [P10] refuses with the reason', async () => {
    await using test = await startTestGateway();
    const { port } = test;
    const connect = (changes: ConnectChanges, id = 'dev-1'): Packet =>
      connectPacket(id, { protocolVersion: 5, ...changes });
    expect(await refusal(port, connect({}, ''))).toBe(0x85);
    expect(await refusal(port, rawConnect('', { flags: 0 }))).toBe(0x85);
    expect(await refusal(port, connect({}, 'a/b'))).toBe(0x85);
    expect(await refusal(port, connect({ username: 'dev-2', password: Buffer.from('x') }))).toBe(0x87);
    expect(await refusal(port, connect({ properties: { authenticationMethod: 'SCRAM-SHA-1' } }))).toBe(0x8c);
    // The refusal is small enough for a client that could not take the CONNACK of a success.
    const small = { authenticationMethod: 'SCRAM-SHA-1', maximumPacketSize: 30 };
    expect(await refusal(port, connect({ properties: small }))).toBe(0x8c);
    expect(await refusal(port, rawConnect('dev-1', { flags: 3 }))).toBe(0x81);
    expect(await refusal(port, rawConnect('dev-1', { properties: [33, 0, 9, 33, 0, 9] }))).toBe(0x82);
    expect(await refusal(port, rawConnect('dev-1', { properties: [35, 0, 1] }))).toBe(0x81);
    expect(await refusal(port, rawConnect('dev-1', { properties: [39, 0, 0, 0, 20] }))).toBe(0x95);
    expect(await refusal(port, connect({ username: 'dev-1', password: Buffer.alloc(5_000) }))).toBe(0x95);
    for (const version of [0, 6, 7, 255])
      expect(await refusal(port, rawConnect('dev-1', { version }))).toBe(0x84);
    test.log.up = false;
    expect(await refusal(port, connect({}))).toBe(0x88);
    test.log.up = true;
    expect(await test.metric(refused('invalid-client-id'))).toBe(3);
    expect(await test.metric(refused('protocol-version'))).toBe(4);
    expect(await test.metric(refused('authentication-method'))).toBe(2);
    expect(await test.metric(refused('protocol-error'))).toBe(3);
    expect(await test.metric(refused('packet-too-large'))).toBe(2);
  });

  it.each([0, 60])(
    'sends no packet that is larger than the client takes [MQTT-3.1.2-24], keepalive %d',
    async (keepalive) => {
      await using test = await startTestGateway();
      const hot = JSON.stringify({ schema: 'environment/1', ts: Date.now(), values: { temperature: 'hot' } });
      const topics = Array.from({ length: 60 }, (_, at) => `filter-${at}`);
      const subscriptions = topics.map((topic) => ({ topic, qos: 0 as const }));
      const sizesFor = async (maximumPacketSize: number): Promise<number[]> => {
        const client = await RawClient.open(test.port, 5);
        const id = `dev-${maximumPacketSize}`;
        const bytes: Buffer[] = [];
        client.socket.on('data', (chunk) => bytes.push(chunk));
        client.send(connectPacket(id, { protocolVersion: 5, keepalive, properties: { maximumPacketSize } }));
        const connack = await client.next();
        if (connack?.cmd === 'connack' && connack.reasonCode === 0) {
          client.send(publishPacket(id, hot, 1), publishPacket(id, hot, 2, { qos: 2 }));
          await client.take(2);
          client.send(
            { cmd: 'pubrel', messageId: 9 },
            { cmd: 'subscribe', messageId: 3, subscriptions },
            { cmd: 'unsubscribe', messageId: 4, unsubscriptions: topics },
            { cmd: 'pingreq' },
            Buffer.of(0xf0, 0),
          );
        }
        await client.closed;
        return packetSizes(Buffer.concat(bytes));
      };
      const sizes = await Promise.all(Array.from({ length: 70 }, (_, at) => sizesFor(at + 1)));
      for (const [at, those] of sizes.entries()) expect(Math.max(0, ...those)).toBeLessThanOrEqual(at + 1);
      // CONNACK, PUBACK, PUBREC, PUBCOMP, SUBACK, UNSUBACK, PINGRESP, DISCONNECT; and a CONNACK that refuses.
      expect(sizes.at(-1)).toHaveLength(8);
      expect(sizes.map((those) => those.length).slice(0, 6)).toEqual([0, 0, 0, 0, 1, 1]);
    },
  );

  it('[P9] tells a wrong password from a right one', async () => {
    await using test = await startTestGateway({ mqtt: { allowAnonymous: false } });
    expect(await refusal(test.port, connectPacket('dev-1', { protocolVersion: 5 }))).toBe(0x86);
  });

  it('[P10] closes a connection that starts with AUTH, and one that stops in the middle of CONNECT', async () => {
    await using patient = await startTestGateway();
    expect(await refusal(patient.port, Buffer.of(0xf0, 0))).toBeUndefined();
    await using test = await startTestGateway({ limits: { connectMs: 100 } });
    for (const bytes of [3, 9, 14]) {
      expect(await refusal(test.port, rawConnect('dev-1').subarray(0, bytes)), `${bytes}`).toBeUndefined();
    }
    expect(await test.metric(refused('connect-timeout'))).toBe(3);
  });

  it('takes the packets that came together with the CONNECT, in their order', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.open(test.port, 5);
    const early = [publish(1), { cmd: 'pingreq' } as const, publish(2, { qos: 2 })];
    client.send(connectPacket('dev-1', { protocolVersion: 5 }), ...early);
    const answers = await client.take(4);
    expect(answers.map(({ cmd }) => cmd)).toEqual(
      expect.arrayContaining(['connack', 'puback', 'pubrec', 'pingresp']),
    );
    expect(answers[0]).toMatchObject({ cmd: 'connack', reasonCode: 0 });
    const sleepy = await RawClient.open(test.port, 5);
    const rest = [publish(3, { qos: 0 }, 'dev-2'), { cmd: 'disconnect', reasonCode: 0 } as const];
    sleepy.send(connectPacket('dev-2', { protocolVersion: 5 }), ...rest);
    sleepy.socket.end();
    await sleepy.closed;
    await eventually(() => expect(test.log.records).toHaveLength(3));
  });

  it('lets a second connection take over, and tells the first one', async () => {
    await using test = await startTestGateway();
    const first = await device(test.port);
    const second = await device(test.port);
    expect(await first.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e });
    await first.closed;
    second.send(publish(1));
    expect(await second.next()).toMatchObject({ cmd: 'puback', reasonCode: 0 });
    // From MQTT 5 to 3.1.1, and back.
    const third = await RawClient.device(test.port, 'dev-1');
    expect(await second.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e });
    await device(test.port);
    await third.closed;
    expect(await test.metric(tolerated('takeover'))).toBe(3);
    expect(await test.metric('ingest_connected_devices')).toBe(1);
  });
});

describe('MQTT 5: what became of a message', () => {
  const answerTo = async (
    payload: string | Buffer,
    changes: Partial<IPublishPacket> = {},
    connect: ConnectChanges = {},
  ): Promise<Packet | undefined> => {
    await using test = await startTestGateway();
    const client = await device(test.port, 'dev-1', connect);
    client.send(publishPacket('dev-1', payload, 7, changes));
    const answer = await client.next();
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    return answer;
  };
  const hot = JSON.stringify({ schema: 'environment/1', ts: Date.now(), values: { temperature: 'hot' } });

  it.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('[P1] QoS %d: %s with the reason', async (qos, cmd) => {
    expect(await answerTo(reading(1), { qos })).toMatchObject({ cmd, messageId: 7, reasonCode: 0 });
    const properties = { reasonString: 'schema-violation: kept as a dead letter, do not send it again' };
    expect(await answerTo(hot, { qos })).toMatchObject({ cmd, messageId: 7, reasonCode: 0x99, properties });
    expect(await answerTo(Buffer.of(0xff), { qos })).toMatchObject({ cmd, reasonCode: 0x99 });
    expect(await answerTo(reading(1, 1), { qos })).toMatchObject({ cmd, reasonCode: 0x83 });
    expect(await answerTo('x'.repeat(LIMITS.payloadBytes + 1), { qos })).toMatchObject({
      cmd,
      reasonCode: 0x97,
    });
    expect(await answerTo(`[${'1,'.repeat(500)}1]`, { qos })).toMatchObject({ cmd, reasonCode: 0x97 });
    const partly = await answerTo(`[${reading(1)},${hot},${reading(2)}]`, { qos });
    expect(partly).toMatchObject({
      cmd,
      reasonCode: 0,
      properties: { reasonString: expect.stringMatching(/^1 of 3 /) },
    });
    const topic = 'devices/dev-1/status';
    expect(await answerTo(reading(1), { qos, topic })).toMatchObject({ cmd, reasonCode: 0x87 });
  });

  it('a payload that says it is UTF-8 and is not: 0x99', async () => {
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'application/json',
      messageExpiryInterval: 60,
    };
    expect(await answerTo(Buffer.of(0xff, 0xfe), { properties })).toMatchObject({ reasonCode: 0x99 });
    expect(await answerTo(reading(1), { properties })).toMatchObject({ reasonCode: 0 });
  });

  it('without a reason string for who wants none, or takes small packets only', async () => {
    const unwanted = await answerTo(hot, {}, { properties: { requestProblemInformation: false } });
    expect(unwanted).toMatchObject({ reasonCode: 0x99 });
    expect(unwanted).not.toHaveProperty('properties');
    const small = await answerTo(hot, {}, { properties: { maximumPacketSize: 40 } });
    expect(small).toMatchObject({ reasonCode: 0x99 });
    expect(small).not.toHaveProperty('properties');
  });

  it('[P1] QoS 2 to its end, also for a client that releases what was refused', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    client.send(publish(5, { qos: 2 }));
    expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 5, reasonCode: 0 });
    client.send({ cmd: 'pubrel', messageId: 5 });
    expect(await client.next()).toMatchObject({ cmd: 'pubcomp', messageId: 5, reasonCode: 0 });
    client.send(publishPacket('dev-1', hot, 6, { qos: 2 }));
    expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 6, reasonCode: 0x99 });
    client.send({ cmd: 'pubrel', messageId: 6 });
    expect(await client.next()).toMatchObject({ cmd: 'pubcomp', messageId: 6, reasonCode: 0x92 });
  });

  it('[P1] acknowledges in the order of the PUBLISHes, whatever becomes durable first', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    test.log.hold();
    client.send(
      publish(1),
      publishPacket('dev-1', hot, 2),
      publish(3, { topic: 'elsewhere' }),
      publish(4, { qos: 2 }),
    );
    await eventually(() => expect(test.log.waiting).toHaveLength(3));
    test.log.settle(2);
    test.log.settle(1);
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    test.log.release();
    const answers = (await client.take(4)) as { messageId: number; reasonCode: number }[];
    expect(answers.map(({ messageId, reasonCode }) => [messageId, reasonCode])).toEqual([
      [1, 0],
      [2, 0x99],
      [3, 0x87],
      [4, 0],
    ]);
  });

  it('counts it under its version', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    client.send(publish(1, { qos: 0 }), publish(2), publish(3, { qos: 2 }));
    await client.take(2);
    for (const qos of [0, 1, 2]) {
      expect(await test.metric(`ingest_messages_total{qos="${qos}",version="5"}`)).toBe(1);
      expect(await test.metric(`ingest_messages_total{qos="${qos}",version="3.1.1"}`)).toBe(0);
    }
    expect(test.gateway.devices()).toMatchObject([{ id: 'dev-1', mqttVersion: '5' }]);
  });

  it('carries the trace that the device names into the headers of its records', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const properties = { userProperties: { traceparent, tracestate: 'a=b', other: 'x' } };
    client.send(publish(1, { properties }), publishPacket('dev-1', hot, 2, { properties }), publish(3));
    await client.take(3);
    expect(test.log.records.map(({ headers }) => [headers['traceparent'], headers['tracestate']])).toEqual([
      [traceparent, 'a=b'],
      [traceparent, 'a=b'],
      [undefined, undefined],
    ]);
  });
});

describe('MQTT 5: topic aliases', () => {
  it('stand for their topic', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    const alias = (topicAlias: number): Partial<IPublishPacket> => ({ properties: { topicAlias } });
    client.send(
      publish(1, alias(10)),
      publish(2, { topic: '', ...alias(10) }),
      publish(3, { topic: '', ...alias(10) }),
    );
    expect(await client.take(3)).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0 }, { reasonCode: 0 }]);
    expect(test.log.records).toHaveLength(3);
  });

  it('[P6] DISCONNECT 0x97 for more text behind them than is kept', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    const set = (topicAlias: number): IPublishPacket =>
      publish(topicAlias, { topic: `x/${'y'.repeat(2_000)}`, properties: { topicAlias } });
    client.send(set(1), set(2), set(3));
    expect(await client.take(3)).toMatchObject([
      { cmd: 'puback', messageId: 1 },
      { cmd: 'puback', messageId: 2 },
      { cmd: 'disconnect', reasonCode: 0x97 },
    ]);
    await client.closed;
    expect(await test.metric(refused('protocol-error'))).toBe(1);
  });

  it.each([
    ['0x94', 'above the maximum', 0x94, [35, 0, 11], 'devices/dev-1/telemetry'],
    ['0x94', 'zero', 0x94, [35, 0, 0], 'devices/dev-1/telemetry'],
    ['0x82', 'that was never set', 0x82, [35, 0, 1], ''],
    ['0x82', 'twice', 0x82, [35, 0, 1, 35, 0, 2], 'devices/dev-1/telemetry'],
    ['0x82', 'none, and no topic', 0x82, [], ''],
  ] as const)('DISCONNECT %s for one %s', async (_, __, code, properties, topic) => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    const body = [
      0,
      topic.length,
      ...Buffer.from(topic),
      0,
      1,
      properties.length,
      ...properties,
      ...Buffer.from('{}'),
    ];
    client.send(Buffer.of(0x32, body.length, ...body));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: code });
    await client.closed;
    expect(test.log.records).toEqual([]);
    expect(await test.metric(refused('protocol-error'))).toBe(1);
  });
});

describe('MQTT 5: sessions', () => {
  const connack = async (port: number, changes: ConnectChanges): Promise<[Client, boolean]> => {
    const client = await RawClient.open(port, 5);
    client.send(connectPacket('dev-1', { protocolVersion: 5, clean: false, ...changes }));
    const packet = await client.next();
    return [client, packet?.cmd === 'connack' && packet.sessionPresent];
  };
  const properties = { sessionExpiryInterval: 100 };

  it('[P2] are present after a cut, unless they ended or a clean start is asked for', async () => {
    await using test = await startTestGateway();
    const cut = async ([client, present]: [Client, boolean]): Promise<boolean> => {
      client.socket.destroy();
      await eventually(async () => expect(await test.metric('ingest_connected_devices')).toBe(0));
      return present;
    };
    expect(await cut(await connack(test.port, { properties }))).toBe(false);
    expect(await cut(await connack(test.port, { properties }))).toBe(true);
    expect(await cut(await connack(test.port, { properties, clean: true }))).toBe(false);
    expect(await cut(await connack(test.port, {}))).toBe(true);
    // The last one had an expiry of 0: it ended with its connection.
    expect(await cut(await connack(test.port, { properties }))).toBe(false);
    const [client, present] = await connack(test.port, { properties });
    expect(present).toBe(true);
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await client.closed;
    expect(await cut(await connack(test.port, { properties }))).toBe(false);
    expect(await test.metric(tolerated('persistent-session'))).toBe(0);
  });

  it('[P2] are present for who takes over', async () => {
    await using test = await startTestGateway();
    await connack(test.port, { properties });
    expect((await connack(test.port, { properties }))[1]).toBe(true);
  });

  it('end when a client of MQTT 3.1.1 comes, which is told that there is none', async () => {
    await using test = await startTestGateway();
    await connack(test.port, { properties });
    const old = await RawClient.device(test.port, 'dev-1', { clean: false });
    old.socket.destroy();
    await old.closed;
    expect((await connack(test.port, { properties }))[1]).toBe(false);
  });

  it('an expiry that only DISCONNECT names is against the rules', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    client.send({ cmd: 'disconnect', reasonCode: 0, properties });
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x82 });
  });

  it('[P2] know the QoS 2 messages that wait for their PUBREL', async () => {
    await using test = await startTestGateway();
    const [first] = await connack(test.port, { properties });
    first.send(publish(5, { qos: 2 }));
    expect(await first.next()).toMatchObject({ cmd: 'pubrec' });
    first.socket.destroy();
    const [second] = await connack(test.port, { properties });
    second.send({ cmd: 'pubrel', messageId: 5 }, { cmd: 'pubrel', messageId: 5 });
    expect(await second.take(2)).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0x92 }]);
  });

  it('[P1] [P2] a message that is not durable in time: 0x89, sent again, stored once', async () => {
    await using test = await startTestGateway({ mqtt: { ackDeadlineMs: 500 } });
    const [first] = await connack(test.port, { properties });
    test.log.hold();
    first.send(publish(1), publish(2));
    expect(await first.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x89 });
    await first.closed;
    expect(first.received).toEqual([]);
    test.log.release();
    const [second, present] = await connack(test.port, { properties });
    expect(present).toBe(true);
    second.send(publish(1, { dup: true }), publish(2, { dup: true }));
    expect(await second.take(2)).toMatchObject([
      { messageId: 1, reasonCode: 0 },
      { messageId: 2, reasonCode: 0 },
    ]);
    // The log may have taken the first try of one, too: whoever gives up waiting cannot know. The store merges both.
    expect(new Set(test.log.records.map(({ value }) => String(value))).size).toBe(2);
    expect(await test.metric(refused('not-durable'))).toBe(1);
  });
});

describe('MQTT 5: Receive Maximum', () => {
  it('[P6] a full window leaves room for PINGREQ, and one more message is told: 0x93', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    test.log.hold();
    const ids = Array.from({ length: 800 }, (_, i) => i + 1);
    client.send(...ids.map((id) => publish(id, { qos: id % 2 === 0 ? 1 : 2 })));
    await eventually(() => expect(test.log.waiting).toHaveLength(800));
    client.send({ cmd: 'pingreq' }, publish(1_000, { qos: 0 }));
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    client.send(publish(801));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x93 });
    await client.closed;
    test.log.release();
    expect(await test.metric(refused('protocol-error'))).toBe(1);
  });

  it('[P6] the window opens again with each answer', async () => {
    await using test = await startTestGateway({ limits: { inflightMessagesPerDevice: 10 } });
    const client = await device(test.port);
    for (let id = 1; id <= 40; id += 8) {
      const ids = Array.from({ length: 8 }, (_, i) => id + i);
      client.send(...ids.map((it) => publish(it)));
      expect(await client.take(8)).toHaveLength(8);
      client.send(...ids.map((it) => publish(it, { qos: 2 })));
      expect(await client.take(8)).toHaveLength(8);
      client.send(...ids.map((messageId) => ({ cmd: 'pubrel', messageId }) as const));
      expect(await client.take(8)).toMatchObject(ids.map(() => ({ cmd: 'pubcomp', reasonCode: 0 })));
    }
  });
});

describe('MQTT 5: against the rules [P10]', () => {
  const text = (content: string): number[] => [0, content.length, ...Buffer.from(content)];
  const packet = (first: number, body: readonly number[]): Buffer => {
    const length: number[] = [];
    for (let left = body.length; left > 0 || length.length === 0; left >>= 7) {
      length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    }
    return Buffer.from([first, ...length, ...body]);
  };
  const userProperties = (count: number): number[] =>
    Array.from({ length: count }, () => [38, ...text('a'), ...text('b')]).flat();
  const manyProperties = userProperties(28_000);

  it.each([
    ['SUBSCRIBE without a filter', 0x82, packet(0x82, [0, 1, 0])],
    ['UNSUBSCRIBE without a filter', 0x82, packet(0xa2, [0, 1, 0])],
    ['AUTH', 0x82, packet(0xf0, [0x18, 0])],
    ['AUTH without anything', 0x82, packet(0xf0, [])],
    ['a second CONNECT', 0x82, rawConnect('dev-1')],
    ['SUBACK', 0x82, packet(0x90, [0, 1, 0, 0])],
    ['packet id 0', 0x82, packet(0x32, [...text('a'), 0, 0, 0])],
    [
      '28,000 user properties',
      0x82,
      packet(0x30, [
        ...text('a'),
        0x80 | (manyProperties.length & 0x7f),
        0x80 | ((manyProperties.length >> 7) & 0x7f),
        manyProperties.length >> 14,
        ...manyProperties,
      ]),
    ],
    ['a property length cut off', 0x81, packet(0x30, [...text('a'), 0xff])],
    ['a property length of five bytes', 0x81, packet(0x30, [...text('a'), 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['a QoS 1 PUBLISH without room for its id', 0x81, packet(0x32, text('a'))],
    ['QoS 3', 0x81, packet(0x36, [...text('a'), 0, 1, 0])],
    ['wrong flags in a fixed header', 0x81, packet(0x60, [0, 1])],
    ['a remaining length of five bytes', 0x81, Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ['DISCONNECT with a reason of the server', 0x81, packet(0xe0, [0x8b])],
  ])('%s', async (_, code, bytes) => {
    await using test = await startTestGateway();
    const other = await device(test.port, 'other');
    const client = await device(test.port);
    client.send(publish(9), bytes, publish(10));
    const answers = await client.take(9);
    expect(answers.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: code });
    await client.closed;
    expect(await test.metric(refused('protocol-error'))).toBe(1);
    other.send(publish(1, {}, 'other'));
    expect(await other.next()).toMatchObject({ cmd: 'puback', reasonCode: 0 });
  });

  it('a packet above the maximum is told before the connection is closed: 0x95', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    client.send(publishPacket('dev-1', Buffer.alloc(LIMITS.packetBytes), 1), publish(2));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x95 });
    await client.closed;
    expect(await test.metric(refused('packet-too-large'))).toBe(1);
  });

  it('every subscription is answered with why it is refused, and the connection goes on', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    const options = { qos: 1, nl: false, rap: false, rh: 0 } as const;
    const topics = ['a', '#', '$share/g/a', 'a#'];
    client.send({
      cmd: 'subscribe',
      messageId: 3,
      subscriptions: topics.map((topic) => ({ topic, ...options })),
    });
    expect(await client.next()).toMatchObject({
      cmd: 'suback',
      messageId: 3,
      granted: [0x87, 0xa2, 0x9e, 0x8f],
    });
    const identified = { subscriptionIdentifier: 7 };
    client.send({
      cmd: 'subscribe',
      messageId: 4,
      subscriptions: [{ topic: 'a', ...options }],
      properties: identified,
    });
    expect(await client.next()).toMatchObject({ cmd: 'suback', messageId: 4, granted: [0xa1] });
    client.send({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['a', '#'] });
    expect(await client.next()).toMatchObject({ cmd: 'unsuback', messageId: 5, granted: [0x11, 0x11] });
    expect(await test.metric(tolerated('subscription'))).toBe(5);
  });

  it('what a client has no reason to say does no harm', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    client.send(
      { cmd: 'puback', messageId: 3 },
      { cmd: 'pubcomp', messageId: 3 },
      { cmd: 'pubrec', messageId: 3 },
    );
    expect(await client.next()).toMatchObject({ cmd: 'pubrel', messageId: 3, reasonCode: 0x92 });
    client.send(publish(1, { retain: true }));
    expect(await client.next()).toMatchObject({ cmd: 'puback', reasonCode: 0 });
    expect(await test.metric(tolerated('retain'))).toBe(1);
  });

  it('a fault of ours ends the client, not the process: 0x80', async () => {
    let broken = false;
    const now = (): number => {
      if (!broken) return Date.now();
      // Once: what tells of the fault asks for the time, too.
      broken = false;
      throw new Error('a fault of ours');
    };
    await using test = await startTestGateway({}, { now });
    const client = await device(test.port);
    broken = true;
    client.send(publish(1));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x80 });
    await client.closed;
    expect(await test.metric(refused('internal-error'))).toBe(1);
  });
});

describe('MQTT 5: the gateway ends the connection, and says why', () => {
  it('keepalive: 0x8D', async () => {
    await using test = await startTestGateway({ limits: { maxKeepaliveSeconds: 0.1 } });
    const client = await device(test.port, 'dev-1', { keepalive: 0 });
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8d });
    await client.closed;
    expect(await test.metric(refused('keepalive-timeout'))).toBe(1);
  });

  it('[P1] shutdown: 0x8B, after what was earned', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    const idle = await device(test.port, 'idle');
    test.log.hold();
    client.send(publish(1), publish(2, { qos: 2 }));
    await eventually(() => expect(test.log.waiting).toHaveLength(2));
    const stopped = test.gateway.stop();
    test.log.release();
    expect(await client.take(3)).toMatchObject([
      { cmd: 'puback', messageId: 1 },
      { cmd: 'pubrec', messageId: 2 },
      { cmd: 'disconnect', reasonCode: 0x8b },
    ]);
    expect(await idle.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8b });
    await stopped;
  });

  it('[P1] the log is closed: 0x89, and no acknowledgement', async () => {
    await using test = await startTestGateway();
    const client = await device(test.port);
    test.log.fail(new PipelineError('closed', 'closed'));
    client.send(publish(1));
    expect(await client.next()).toMatchObject({ cmd: 'disconnect', reasonCode: 0x89 });
  });
});
