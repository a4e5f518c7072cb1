import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppendRecord } from '#contract/log-record.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { changeCredentials } from './devices/credentials-file.ts';
import { generatePassword } from './devices/password-hash.ts';
import { connectPacket, publishPacket, RawClient } from './testing/raw-client.ts';
import { reading, startTestGateway, TEST_TOPICS } from './testing/test-gateway.ts';

const contract = loadContract({
  mappings: ['tasmota', 'thingsboard'],
  mappingDir: undefined,
  siteZone: 'UTC',
});
const NOW = Date.now();

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gateway-mappings-'));
  file = path.join(folder, 'devices.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (credentialsFile?: string) =>
  startTestGateway(
    { mqtt: credentialsFile === undefined ? {} : { credentialsFile, allowAnonymous: false } },
    { contract },
  );

function publish(topic: string, payload: unknown, messageId = 1, changes = {}) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return publishPacket('', text, messageId, { topic, ...changes });
}

const sensor = (temperature: unknown) => ({
  Time: new Date(NOW).toISOString(),
  DS18B20: { Temperature: temperature },
});

const inTopic = (records: readonly AppendRecord[], topic: string) =>
  records.filter((it) => it.topic === topic);

async function login(id: string, more: { forwards?: string[]; maxDevices?: number } = {}): Promise<Buffer> {
  const { password, hash } = await generatePassword();
  await changeCredentials(file, async (devices) => void devices.set(id, { ...hash, ...more }));
  return Buffer.from(password);
}

describe('foreign topics', () => {
  it('[P1] a mapped message is acknowledged when its readings are durable, in our own format', async () => {
    await using under = await start();
    const { port, log, gateway } = under;
    const client = await RawClient.device(port, 'bridge-1');
    log.hold();
    const batch = {
      'Device A': [
        { ts: NOW, values: { temperature: 1 } },
        { ts: NOW + 1, values: { temperature: 2 } },
      ],
      b: [{ ts: NOW, values: { humidity: 3 } }],
    };
    client.send(publish('v1/gateway/telemetry', batch, 7), publish('tele/x/LWT', 'Online', 8));
    while (log.waiting.length < 2) await new Promise(setImmediate);
    expect(client.received).toEqual([]);
    log.release();
    expect(await client.take(2)).toMatchObject([
      { cmd: 'puback', messageId: 7 },
      { cmd: 'puback', messageId: 8 },
    ]);
    expect(log.records.map(({ topic, key, value, headers }) => [topic, key, String(value), headers])).toEqual(
      [
        [
          TEST_TOPICS.telemetry,
          'Device-A',
          `[{"schema":"environment/2","ts":${NOW},"values":{"temperature":1}},{"schema":"environment/2","ts":${NOW + 1},"values":{"temperature":2}}]`,
          expect.objectContaining({
            readings: '2',
            'mqtt.topic': 'v1/gateway/telemetry',
            'mapping.source': 'thingsboard',
            'mapping.rule': 'v1/gateway/telemetry',
          }),
        ],
        [TEST_TOPICS.telemetry, 'b', expect.any(String), expect.objectContaining({ readings: '1' })],
      ],
    );
    expect(gateway.accounting()).toEqual({
      decoded: 3,
      appended: 3,
      deadLettered: 0,
      unconfirmed: 0,
      ignored: 1,
    });
    expect(await under.metric('ingest_mapped_messages_total{source="tasmota",outcome="ignored"}')).toBe(1);
    expect(gateway.devices().find(({ id }) => id === 'b')).toMatchObject({
      accepted: 1,
      via: 'bridge-1',
      source: 'thingsboard',
    });
  });

  it('what a mapping says of measurement and tags goes with the record', async () => {
    const as = {
      type: 'environment/2',
      measurement: 'mqtt_consumer',
      tags: { site: '{site}', source: 'old' },
    };
    const rule = {
      topic: 'plant/{site}/{device}',
      as,
      device: '{device}',
      ts: 'received',
      values: { temperature: '' },
    };
    writeFileSync(path.join(folder, 'plant.json'), JSON.stringify({ source: 'plant', rules: [rule] }));
    const own = loadContract({ mappings: [], mappingDir: folder, siteZone: 'UTC' });
    await using under = await startTestGateway({ mqtt: {} }, { contract: own });
    const client = await RawClient.device(under.port, 'bridge-1');
    client.send(publish('plant/north/oven', '21.5'));
    await client.take(1);
    expect(
      under.log.records.map(({ key, headers }) => [key, headers['measurement'], headers.labels]),
    ).toEqual([['oven', 'mqtt_consumer', '{"site":"north","source":"old"}']]);
  });

  it('[P5] [P8] what is refused is a letter with the whole message and the place; the rest goes through', async () => {
    await using under = await start();
    const { port, log, gateway } = under;
    const client = await RawClient.device(port, 'bridge-1');
    const message = {
      a: [
        { ts: NOW, values: { temperature: 1 } },
        { ts: NOW, values: { temperature: 'hot' } },
      ],
    };
    client.send(
      publish('v1/gateway/telemetry', message, 1),
      publish('tele/x/NEW', '{}', 2),
      publish('tele/x/SENSOR', '{', 3),
    );
    expect(await client.take(3)).toHaveLength(3);
    expect(inTopic(log.records, TEST_TOPICS.telemetry)).toHaveLength(1);
    expect(
      inTopic(log.records, TEST_TOPICS.deadLetters).map(({ key, value, headers }) => [
        key,
        String(value),
        headers,
      ]),
    ).toEqual([
      [
        'a',
        JSON.stringify(message),
        expect.objectContaining({
          'dlq.reason': 'mapping-failed',
          'dlq.path': '/a/1',
          'mqtt.topic': 'v1/gateway/telemetry',
          'mqtt.client-id': 'bridge-1',
          'mapping.source': 'thingsboard',
        }),
      ],
      [
        'bridge-1',
        '{}',
        expect.objectContaining({ 'dlq.reason': 'unmapped-topic', 'mqtt.topic': 'tele/x/NEW' }),
      ],
      [
        'bridge-1',
        '{',
        expect.objectContaining({
          'dlq.reason': 'malformed-json',
          'mapping.rule': 'tele/{device...}/SENSOR',
        }),
      ],
    ]);
    expect(gateway.accounting()).toEqual({
      decoded: 4,
      appended: 1,
      deadLettered: 3,
      unconfirmed: 0,
      ignored: 0,
    });
    expect(await under.metric('ingest_mapped_messages_total{source="none",outcome="unmapped"}')).toBe(1);
    expect(
      await under.metric('ingest_mapped_messages_total{source="thingsboard",outcome="partly-rejected"}'),
    ).toBe(1);
  });

  it('the native topic goes on as before, and so do foreign topics without mappings', async () => {
    await using under = await start();
    const client = await RawClient.device(under.port, 'dev-1');
    client.send(publishPacket('dev-1', reading(1), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(under.log.records[0]?.headers).not.toHaveProperty('mqtt.topic');
    await using without = await startTestGateway();
    const other = await RawClient.device(without.port, 'dev-1');
    other.send(publish('tele/x/SENSOR', sensor(1)));
    expect(await other.next()).toMatchObject({ cmd: 'puback' });
    expect(without.log.records).toEqual([]);
    expect(await without.metric('ingest_tolerated_total{kind="foreign-topic"}')).toBe(1);
  });

  it('a client without an id gets one, when mappings say whose readings it sends', async () => {
    await using under = await start();
    const client = await RawClient.device(under.port, '');
    client.send(publish('tele/boiler/SENSOR', sensor(20.9)));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(under.log.records[0]?.key).toBe('boiler');
    await using without = await startTestGateway();
    const refused = await RawClient.open(without.port);
    refused.send(connectPacket(''));
    expect(await refused.next()).toMatchObject({ cmd: 'connack', returnCode: 2 });
  });

  it('[P9] a device with a password speaks for itself only', async () => {
    const password = await login('boiler');
    await using under = await start(file);
    const client = await RawClient.device(under.port, 'boiler', { username: 'boiler', password });
    client.send(publish('tele/boiler/SENSOR', sensor(1), 1), publish('tele/other/SENSOR', sensor(2), 2));
    expect(await client.take(2)).toHaveLength(2);
    expect(inTopic(under.log.records, TEST_TOPICS.telemetry).map(({ key }) => key)).toEqual(['boiler']);
    expect(
      inTopic(under.log.records, TEST_TOPICS.deadLetters).map(({ key, headers }) => [
        key,
        headers['dlq.reason'],
        headers['dlq.detail'],
      ]),
    ).toEqual([['boiler', 'mapping-failed', expect.stringContaining('may speak for itself only')]]);
  });

  it('[P9] a forwarder speaks for others on the topics of its filters, and for so many', async () => {
    const password = await login('bridge-7', { forwards: ['tele/+/SENSOR', '$SYS/#'], maxDevices: 2 });
    await using under = await start(file);
    const client = await RawClient.device(under.port, 'bridge-7', { username: 'bridge-7', password });
    const topics = [
      'tele/a/SENSOR',
      'tele/b/SENSOR',
      'tele/a/SENSOR',
      'tele/c/SENSOR',
      'tele/a/STATE',
      '$SYS/broker/connection/x/state',
    ];
    client.send(...topics.map((topic, at) => publish(topic, sensor(at), at + 1)));
    expect(await client.take(topics.length)).toHaveLength(topics.length);
    expect(inTopic(under.log.records, TEST_TOPICS.telemetry).map(({ key }) => key)).toEqual(['a', 'b', 'a']);
    expect(
      inTopic(under.log.records, TEST_TOPICS.deadLetters).map(({ headers }) => headers['dlq.detail']),
    ).toEqual([expect.stringContaining('one device more than the 2')]);
    expect(await under.metric('ingest_tolerated_total{kind="foreign-topic"}')).toBe(1);
    expect(await under.metric('ingest_tolerated_total{kind="bridge-notification"}')).toBe(1);
  });

  it('[P6] a mapped device that sends too much slows its forwarder', async () => {
    const limits = { messagesPerSecond: 1, messageBurst: 4 };
    await using under = await startTestGateway({ limits }, { contract });
    const client = await RawClient.device(under.port, 'bridge-1');
    client.send(...Array.from({ length: 8 }, (_, at) => publish('tele/a/SENSOR', sensor(at), at + 1)));
    expect(await client.take(8)).toHaveLength(8);
    await eventually(async () => expect(await under.metric('ingest_paused_devices')).toBe(1));
  });
});
