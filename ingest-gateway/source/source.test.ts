import { describe, expect, test } from 'vitest';
import type { AppendRecord } from '#contract/log-record.ts';
import { reading, TEST_TOPICS } from '#ingest-gateway/testing/test-gateway.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { PipelineError } from '#runtime/errors.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { ScriptedBroker } from './testing/scripted-broker.ts';
import { handedOver, startTestSource } from './testing/test-source.ts';

const VERSIONS = ['5', '3.1.1'] as const;
const contract = loadContract({ mappings: ['tasmota'], mappingDir: undefined, siteZone: 'UTC' });
const native = (device: string, seq: number) => [`devices/${device}/telemetry`, reading(seq)] as const;
const topicOf = ({ topic }: AppendRecord) => topic;
const isPuback = ({ cmd }: { cmd: string }) => cmd === 'puback';

/** The event loop has had time to do what it would do. */
const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

describe.each(VERSIONS)('MQTT %s', (version) => {
  test('[P1] many messages are in flight, each is acknowledged once it is durable, in the order in which they came', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version });
    const source = await broker.accept();
    expect(await source.letIn()).toMatchObject({ clean: false, clientId: 'source-1' });
    under.log.hold();
    const ids = Array.from({ length: 500 }, (_, at) => at + 1);
    source.send(...ids.map((id) => handedOver(...native(`d${id % 7}`, id), id)));
    await eventually(() => expect(under.log.waiting.length).toBe(500));
    // The last ones first: nothing may leave before the first one is durable.
    for (let left = 500; left > 1; left--) under.log.settle(left - 1);
    await turns();
    expect(source.received).toEqual([]);
    under.log.settle(0);
    await eventually(() => expect(source.received.length).toBe(500));
    expect(source.received.map(({ cmd, messageId }) => [cmd, messageId])).toEqual(
      ids.map((id) => ['puback', id]),
    );
  });

  test('[P1] what is not durable in time ends the connection without a PUBACK, and is taken when it comes again', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version }, { mqtt: { ackDeadlineMs: 200 } });
    const first = await broker.accept();
    await first.letIn();
    under.log.hold();
    first.send(handedOver(...native('a', 1), 1));
    await first.closed;
    expect(first.received).toEqual([]);
    expect(under.gateway.readiness().source).toMatchObject({
      up: false,
      detail: expect.stringMatching('not-durable'),
    });
    under.log.release();
    const second = await broker.accept();
    await second.expect('connect');
    second.send({
      cmd: 'connack',
      sessionPresent: true,
      ...(version === '5' ? { reasonCode: 0 } : { returnCode: 0 }),
    });
    second.send(handedOver(...native('a', 1), 1, { dup: true }));
    expect(await second.expect('puback')).toMatchObject({ messageId: 1 });
    const name = `{broker="127.0.0.1:${broker.port}"}`;
    expect(await under.metric(`mqtt_source_redelivered_total${name}`)).toBe(1);
    // The session has our subscriptions: asking again would have everything sent again that is retained.
    await turns();
    expect(second.received).toEqual([]);
  });

  test('[P6] a log that stands still stops the reading of the socket; what is held does not grow', async () => {
    await using broker = await ScriptedBroker.start();
    const limits = { inflightMessages: 800 };
    await using under = await startTestSource(broker.url, { version }, { limits });
    const source = await broker.accept();
    await source.letIn();
    under.log.hold();
    const bulk = Array.from({ length: 20_000 }, (_, at) =>
      handedOver('devices/a/telemetry', reading(at).padEnd(1000), at + 1),
    );
    source.send(...bulk);
    await eventually(() => expect(under.log.waiting.length).toBeGreaterThan(50));
    await turns(200);
    // An eighth of what is free.
    expect(under.log.waiting.length).toBeLessThanOrEqual(100);
    const name = `{broker="127.0.0.1:${broker.port}"}`;
    expect(await under.metric(`mqtt_source_paused${name}`)).toBe(1);
    expect(source.socket.writableLength).toBeGreaterThan(0);
    under.log.release();
    await eventually(() => expect(under.log.durable).toBe(bulk.length));
    await eventually(() => expect(source.received.filter(isPuback).length).toBe(bulk.length));
    expect(await under.metric(`mqtt_source_paused${name}`)).toBe(0);
  });

  test.each([
    [version === '5' ? 0x86 : 4, 'bad user name or password'],
    [version === '5' ? 0x87 : 5, 'not authorized'],
  ])('CONNACK %i is told in words, and tried again', async (code, words) => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version, username: 'u', password: 'p' });
    for (let attempt = 0; attempt < 2; attempt++) {
      const source = await broker.accept();
      expect(await source.expect('connect')).toMatchObject({ username: 'u', password: Buffer.from('p') });
      source.send({
        cmd: 'connack',
        sessionPresent: false,
        ...(version === '5' ? { reasonCode: code } : { returnCode: code }),
      });
      await source.closed;
      expect(under.gateway.readiness().source).toMatchObject({
        up: false,
        detail: expect.stringMatching(words),
      });
    }
    expect(under.lines.some((line) => line.includes(words))).toBe(true);
  });

  test('a subscription that is refused, or granted with QoS 0, is told; what comes is taken', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, {
      version,
      topics: ['a/#', 'devices/+/telemetry'],
    });
    const source = await broker.accept();
    await source.letIn({ granted: 0x80 });
    const detail = () => under.gateway.readiness().source?.detail;
    await eventually(() => expect(detail()).toMatch('a/# is refused'));
    source.send(handedOver(...native('a', 1), 1));
    expect(await source.expect('puback')).toMatchObject({ messageId: 1 });
    source.socket.destroy();
    await (await broker.accept()).letIn({ granted: 0 });
    await eventually(() => expect(detail()).toMatch('QoS 0 only'));
    expect(await under.metric(`mqtt_source_connected{broker="127.0.0.1:${broker.port}"}`)).toBe(0);
  });

  test('QoS 2 of an older subscription and QoS 0 are taken, too', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version });
    const source = await broker.accept();
    await source.letIn();
    source.send(handedOver(...native('a', 1), 7, { qos: 2 }), handedOver(...native('a', 2), 0, { qos: 0 }));
    expect(await source.expect('pubrec')).toMatchObject({ messageId: 7 });
    source.send({ cmd: 'pubrel', messageId: 7 });
    expect(await source.expect('pubcomp')).toMatchObject({ messageId: 7 });
    await eventually(() => expect(under.log.durable).toBe(2));
  });

  test('[P2] a session that the broker lost is told, and subscribed anew', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version });
    const first = await broker.accept();
    await first.letIn();
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(true));
    first.socket.destroy();
    await (await broker.accept()).letIn();
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(true));
    const name = `{broker="127.0.0.1:${broker.port}"}`;
    expect(await under.metric(`mqtt_source_sessions_lost_total${name}`)).toBe(1);
    expect(under.lines.some((line) => line.includes('does not know our session any more'))).toBe(true);
  });

  test('another client with the same client id is told', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version });
    for (let times = 0; times < 3; times++) {
      const source = await broker.accept();
      await source.letIn({ sessionPresent: times > 0 });
      if (version === '5') source.send({ cmd: 'disconnect', reasonCode: 0x8e });
      source.socket.end();
      await source.closed;
    }
    await eventually(() =>
      expect(under.gateway.readiness().source?.detail).toMatch(
        'another client may use the client id source-1',
      ),
    );
    expect(under.lines.some((line) => line.includes('MQTT_SOURCE_CLIENT_ID'))).toBe(true);
  });

  test('[P1] [P2] a stop waits for what is in hand, acknowledges it, and says goodbye', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version });
    const source = await broker.accept();
    await source.letIn();
    under.log.hold();
    source.send(handedOver(...native('a', 1), 1), handedOver(...native('a', 2), 2));
    await eventually(() => expect(under.log.waiting.length).toBe(2));
    const stopped = under.gateway.stop();
    source.send(handedOver(...native('a', 3), 3));
    await turns();
    expect(source.received).toEqual([]);
    under.log.release();
    expect(await source.expect('puback')).toMatchObject({ messageId: 1 });
    expect(await source.expect('puback')).toMatchObject({ messageId: 2 });
    expect(await source.expect('disconnect')).toBeDefined();
    source.socket.end();
    await stopped;
    expect(under.log.durable).toBe(2);
  });

  test('[P10] what is not MQTT ends the connection, not the process', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { version });
    const first = await broker.accept();
    await first.letIn();
    first.send(Buffer.alloc(16, 0xff));
    await first.closed;
    await (await broker.accept()).letIn({ sessionPresent: true });
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(true));
  });
});

describe('what comes', () => {
  test('[P5] is native, mapped, or a dead letter that is acknowledged; each counts where it belongs', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, {}, {}, { contract });
    const source = await broker.accept();
    await source.expect('connect');
    source.send({ cmd: 'connack', sessionPresent: false, reasonCode: 0 });
    // At most 8 filters each.
    const filters = [...(await source.answerSubscribe()), ...(await source.answerSubscribe())];
    expect(filters).toEqual(expect.arrayContaining(['devices/+/telemetry', 'tele/#', '+/tele/SENSOR']));
    const tasmota = JSON.stringify({ Time: new Date().toISOString(), DS18B20: { Temperature: 20.9 } });
    source.send(
      handedOver(...native('dev-1', 1), 1),
      handedOver('tele/boiler/SENSOR', tasmota, 2),
      handedOver('nobody/knows', '{}', 3),
      handedOver('devices/dev-1/telemetry', '{"schema":"environment/1"', 4),
      handedOver('tele/boiler/SENSOR', tasmota, 5, { retain: true }),
    );
    for (const messageId of [1, 2, 3, 4, 5])
      expect(await source.expect('puback')).toMatchObject({ messageId });
    const letters = under.log.records.filter((it) => topicOf(it) === TEST_TOPICS.deadLetters);
    expect(letters.map(({ key, headers }) => [key, headers['dlq.reason'], headers['mqtt.topic']])).toEqual([
      ['source-1', 'unmapped-topic', 'nobody/knows'],
      ['dev-1', 'malformed-json', 'devices/dev-1/telemetry'],
    ]);
    expect(under.gateway.accounting()).toEqual({
      decoded: 5,
      appended: 3,
      deadLettered: 2,
      unconfirmed: 0,
      ignored: 0,
    });
    expect(under.gateway.devices().map(({ id, via, accepted }) => [id, via, accepted])).toEqual([
      ['dev-1', 'source-1', 1],
      ['boiler', 'source-1', 2],
    ]);
    expect(await under.metric(`mqtt_source_retained_total{broker="127.0.0.1:${broker.port}"}`)).toBe(1);
  });

  test('[P5] without any mapping, a message to another topic is a dead letter, not thrown away', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { topics: ['#'] });
    const source = await broker.accept();
    await source.letIn();
    source.send(handedOver('other/topic', 'x', 1), handedOver('$SYS/broker/uptime', '1', 2));
    expect(await source.expect('puback')).toMatchObject({ messageId: 1 });
    expect(await source.expect('puback')).toMatchObject({ messageId: 2 });
    expect(under.log.records.map(({ headers }) => headers['dlq.reason'])).toEqual(['unmapped-topic']);
  });

  test.each(['devices/big/telemetry', 'other/big'])(
    '[P6] a message of 3 MB to %s is a dead letter with its beginning and its size',
    async (topic) => {
      await using broker = await ScriptedBroker.start();
      await using under = await startTestSource(broker.url, { topics: ['#'] }, {}, { contract });
      const source = await broker.accept();
      await source.letIn();
      const bytes = 3_000_000;
      source.send(handedOver(topic, Buffer.alloc(bytes, 32), 1), handedOver(...native('dev-1', 1), 2));
      expect(await source.expect('puback')).toMatchObject({ messageId: 1 });
      expect(await source.expect('puback')).toMatchObject({ messageId: 2 });
      const [letter, good] = under.log.records;
      expect(JSON.parse(letter?.headers['dlq.detail'] ?? '')).toMatchObject({ bytes });
      expect(letter?.value?.length).toBeLessThanOrEqual(256 * 1024);
      expect(good?.key).toBe('dev-1');
    },
  );

  test('[P10] more in the properties than a packet may have is a dead letter, not a message that comes for ever', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url);
    const source = await broker.accept();
    await source.letIn();
    const userProperties = { a: Array.from({ length: 6 }, () => 'v'.repeat(60_000)) };
    source.send(
      handedOver(...native('a', 1), 1, { properties: { userProperties } }),
      handedOver(...native('a', 2), 2),
    );
    expect(await source.expect('puback')).toMatchObject({ messageId: 1 });
    expect(await source.expect('puback')).toMatchObject({ messageId: 2 });
    const letters = under.log.records.filter((it) => topicOf(it) === TEST_TOPICS.deadLetters);
    expect(letters.map(({ key, headers }) => [key, headers['dlq.reason']])).toEqual([
      ['a', 'payload-too-large'],
    ]);
  });

  test('[P9] devices beyond the number that a broker may name are dead letters', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { maxDevices: 2 });
    const source = await broker.accept();
    await source.letIn();
    for (const id of [1, 2, 3, 4]) source.send(handedOver(...native(`d${id % 3}`, id), id));
    for (const messageId of [1, 2, 3, 4]) expect(await source.expect('puback')).toMatchObject({ messageId });
    const letters = under.log.records.filter((it) => topicOf(it) === TEST_TOPICS.deadLetters);
    expect(letters.map(({ key, headers }) => [key, headers['dlq.reason']])).toEqual([
      ['d0', 'mapping-failed'],
    ]);
  });

  test('a device may send faster than one that connects itself: what a broker kept is not slowed down', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(
      broker.url,
      {},
      { limits: { messagesPerSecond: 1, messageBurst: 1 } },
    );
    const source = await broker.accept();
    await source.letIn();
    source.send(...Array.from({ length: 500 }, (_, at) => handedOver(...native('a', at), at + 1)));
    await eventually(() => expect(source.received.length).toBe(500));
    expect(under.log.durable).toBe(500);
  });
});

describe('the broker, or the log, is away', () => {
  test('[P10] at the start: told, and connected when it comes', async () => {
    const [port] = await choosePorts([undefined]);
    await using under = await startTestSource(`mqtt://127.0.0.1:${port}`);
    await eventually(() =>
      expect(under.gateway.readiness().source).toMatchObject({
        up: false,
        detail: expect.stringMatching('ECONNREFUSED'),
      }),
    );
    await using broker = await ScriptedBroker.start(port);
    await (await broker.accept()).letIn();
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(true));
  });

  test('a broker that accepts and says nothing is given up', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, {}, { limits: { connectMs: 100 } });
    const source = await broker.accept();
    await source.closed;
    await eventually(() => expect(under.gateway.readiness().source?.detail).toMatch('no CONNACK in time'));
  });

  test('a broker that does not answer SUBSCRIBE is given up', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, {}, { limits: { connectMs: 100 } });
    // On a machine that stands still for 100 ms a connection ends sooner, for want of a CONNACK.
    await eventually(async () => {
      const source = await broker.accept();
      await source.expect('connect');
      source.send({ cmd: 'connack', sessionPresent: true, reasonCode: 0 });
      await source.closed;
      expect(under.gateway.readiness().source?.detail).toMatch('no SUBACK in time');
      expect(source.received.map(({ cmd }) => cmd)).toContain('subscribe');
    });
  });

  test('an answer that leaves filters out grants nothing', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url, { topics: ['a/#', 'b/#'] });
    const source = await broker.accept();
    await source.expect('connect');
    source.send({ cmd: 'connack', sessionPresent: false, reasonCode: 0 });
    const { messageId } = await source.expect('subscribe');
    source.send({ cmd: 'suback', messageId: messageId as number, granted: [1] });
    await eventually(() =>
      expect(under.gateway.readiness().source?.detail).toMatch('b/# is left out of the answer'),
    );
  });

  test('the broker is taken at its word: its keepalive [MQTT-3.1.2-21], and for how long it keeps the session', async () => {
    await using broker = await ScriptedBroker.start();
    await using under = await startTestSource(broker.url);
    const source = await broker.accept();
    await source.expect('connect');
    source.send({
      cmd: 'connack',
      sessionPresent: false,
      reasonCode: 0,
      properties: { serverKeepAlive: 1, sessionExpiryInterval: 7_200 },
    });
    await source.answerSubscribe();
    // Ours alone would be sent after 15 s.
    expect(await source.expect('pingreq')).toBeDefined();
    expect(under.lines.some((line) => line.includes('7200') && line.includes('keeps our session'))).toBe(
      true,
    );
  });

  test('[P1] with the log down nothing is asked of the broker', async () => {
    await using broker = await ScriptedBroker.start();
    const failing = new PipelineError('event-log-unavailable', 'disk full', { retryable: true });
    await using under = await startTestSource(broker.url);
    const first = await broker.accept();
    await first.letIn();
    under.log.fail(failing);
    under.log.up = false;
    first.send(handedOver(...native('a', 1), 1));
    await first.closed;
    await eventually(() =>
      expect(under.gateway.readiness().source?.detail).toMatch('the event log cannot be written'),
    );
    under.log.fail(undefined);
    under.log.up = true;
    const second = await broker.accept();
    await second.letIn({ sessionPresent: true });
    second.send(handedOver(...native('a', 1), 1));
    expect(await second.expect('puback')).toMatchObject({ messageId: 1 });
  });

  test('several brokers are read at once, and one that is away is named', async () => {
    await using one = await ScriptedBroker.start();
    await using two = await ScriptedBroker.start();
    await using under = await startTestSource([one.url, two.url]);
    for (const broker of [one, two]) {
      const source = await broker.accept();
      await source.letIn();
      source.send(handedOver(...native('a', broker.port), 1));
      expect(await source.expect('puback')).toBeDefined();
    }
    const { port } = two;
    await two[Symbol.asyncDispose]();
    await eventually(() => expect(under.gateway.readiness().source?.up).toBe(false));
    expect(under.gateway.readiness().source?.detail).toMatch(`127.0.0.1:${port}: `);
  });
});
