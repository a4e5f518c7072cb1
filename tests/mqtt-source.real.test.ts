import { randomBytes } from 'node:crypto';
import { connectAsync } from 'mqtt';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { decodeDeadLetter } from '#contract/dead-letter.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startMosquitto } from '#services/mosquitto.ts';
import { missingReason, required } from '#services/provide.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

const [kafka, mosquitto] = [inject('kafka'), inject('mosquitto')];

/** Aim: what an operator starts beside Kafka does what `npm start` does. Method: real processes around a real broker and a real log. */
describe.skipIf(missingReason(kafka, mosquitto))('npm run mqtt-source', () => {
  test('[P1] [P2] from Mosquitto into Kafka, mapped or as letters; what came while it was dead; two that share the work', {
    timeout: 180_000,
  }, async () => {
    const { brokers } = required(kafka);
    await using broker = await startMosquitto({ command: required(mosquitto).command });
    const name = `source-${randomBytes(4).toString('hex')}`;
    const topics = { telemetry: name, deadLetters: `${name}.dlq`, deadLetterState: `${name}.dlq.state` };
    const eventLog = await openKafkaEventLog(
      { brokers, ssl: false, clientId: name, topicPartitions: 3 },
      { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
    );
    onTestFinished(() => eventLog.close());
    await using processes = new AsyncDisposableStack();
    const start = async (clientId: string, filters: string) => {
      const [httpPort] = (await choosePorts([undefined])) as [number];
      const env = {
        KAFKA_BROKERS: brokers.join(),
        TOPIC_PARTITIONS: '3',
        TELEMETRY_TOPIC: topics.telemetry,
        DEAD_LETTER_TOPIC: topics.deadLetters,
        DEAD_LETTER_STATE_TOPIC: topics.deadLetterState,
        MQTT_SOURCE_URL: broker.url,
        MQTT_SOURCE_CLIENT_ID: clientId,
        MQTT_SOURCE_TOPICS: filters,
        MAPPINGS: 'zigbee2mqtt',
        LOG_LEVEL: 'warn',
      };
      const source = new PipelineProcess({ command: ['ingest-gateway/source/main.ts'], env, httpPort });
      processes.use(source);
      await source.start();
      const get = async (path: string) =>
        (await fetch(`http://127.0.0.1:${httpPort}${path}`)).json() as Promise<Record<string, unknown>>;
      return { source, get };
    };
    const temperatures = async (device: string) => {
      const records = await Array.fromAsync(eventLog.read(topics.telemetry));
      const values = records
        .filter(({ key }) => String(key) === device)
        .map(({ value }) => JSON.parse(String(value)).values.temperature);
      return values.toSorted((a, b) => a - b);
    };
    const publisher = processes.adopt(await connectAsync(broker.url), (client) => client.endAsync());
    const publish = (topic: string, payload: unknown) =>
      publisher.publishAsync(topic, JSON.stringify(payload), { qos: 1 });

    // Ready means subscribed: nothing that is published from here on is missed.
    const { source, get } = await start('source-1', 'zigbee2mqtt/#,devices/+/telemetry,elsewhere/#');
    expect(await get('/readyz')).toMatchObject({ checks: { source: { up: true }, eventLog: { up: true } } });
    const native = {
      schema: 'environment/1',
      ts: Date.now(),
      seq: 1,
      values: { temperature: 2, humidity: 40 },
    };
    await publish('zigbee2mqtt/kitchen', { temperature: 1 });
    await publish('devices/own/telemetry', native);
    await publish('elsewhere/x', 3);
    await eventually(async () => expect(await temperatures('kitchen')).toEqual([1]));
    await eventually(async () => expect(await temperatures('own')).toEqual([2]));
    const letters = await eventually(async () => {
      const found = await Array.fromAsync(eventLog.read(topics.deadLetters));
      expect(found).toHaveLength(1);
      return found.map((record) => decodeDeadLetter(record));
    });
    expect(letters).toMatchObject([{ reason: 'unmapped-topic', mqttTopic: 'elsewhere/x' }]);
    await eventually(async () =>
      expect(await get('/api/accounting')).toEqual({
        decoded: 3,
        appended: 2,
        deadLettered: 1,
        unconfirmed: 0,
        ignored: 0,
      }),
    );

    await source.kill();
    for (let n = 2; n <= 20; n++) await publish('zigbee2mqtt/kitchen', { temperature: n });
    await source.start();
    const twenty = Array.from({ length: 20 }, (_, index) => index + 1);
    await eventually(async () => expect(new Set(await temperatures('kitchen'))).toEqual(new Set(twenty)));
    expect(await source.stop(), source.output).toBe(0);

    const sharers = [
      await start('sharer-1', '$share/a/zigbee2mqtt/#'),
      await start('sharer-2', '$share/a/zigbee2mqtt/#'),
    ];
    for (const n of twenty) await publish('zigbee2mqtt/attic', { temperature: n });
    await eventually(async () => expect(await temperatures('attic')).toEqual(twenty));
    // Whose turn it is, is the broker's affair; that all are one's would be no sharing.
    const appended: number[] = [];
    for (const sharer of sharers) appended.push(Number((await sharer.get('/api/accounting'))['appended']));
    expect(appended).not.toContain(0);
    expect(appended.reduce((sum, each) => sum + each)).toBe(20);
  });
});
