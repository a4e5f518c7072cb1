import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { missingReason, required } from '#services/provide.ts';
import { openInfluxTelemetryStore } from '#telemetry-store/influxdb/influx-telemetry-store.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { depsWith, logThat, PipelineUnderTest, reading } from './testing/pipeline-under-test.ts';
import { SeverableProxy } from './testing/severable-proxy.ts';

const kafka = inject('kafka');
const influxdb = inject('influxdb');

describe.skipIf(missingReason(kafka, influxdb))('on real Kafka and InfluxDB', () => {
  const bucket = `writer-${randomBytes(4).toString('hex')}`;
  let log: EventLog;
  let store: TelemetryStore;
  let proxy: SeverableProxy;
  let pipeline: PipelineUnderTest;

  const openLog = () =>
    openKafkaEventLog(
      { brokers: required(kafka).brokers, ssl: false, clientId: bucket, topicPartitions: 3 },
      depsWith(new Registry()),
    );
  beforeAll(async () => {
    const address = required(influxdb);
    await influxDbApi(address).createBucket(bucket);
    proxy = await SeverableProxy.to(new URL(address.url));
    log = await openLog();
    store = openInfluxTelemetryStore(
      { ...address, url: proxy.url, bucket, requestTimeoutMs: 2_000 },
      depsWith(new Registry()),
    );
  });
  afterAll(async () => {
    await log.close();
    await store.close();
    await proxy.close();
  });
  beforeEach(async () => {
    pipeline = await new PipelineUnderTest(log, store).createTopics();
  });

  const device = (name: number) => `${pipeline.suffix}-${name}`;
  const devices = (count: number) => Array.from({ length: count }, (_, i) => device(i));
  const inSmallBatches = (whole: EventLog): EventLog => ({
    ...logThat(whole, async () => undefined),
    subscribe: (options) => whole.subscribe({ ...options, maxBatchRecords: 1 }),
  });
  const drained = () =>
    eventually(async () => expect(await pipeline.backlog()).toBe(0), { withinMs: 60_000 });

  test("[P5] one poison point among 5,000: 4,999 stored, one letter with InfluxDB's own words", async () => {
    const conflicting = { name: 'battery', kind: 'boolean', value: true } as const;
    const readings = Array.from({ length: 5_000 }, (_, seq) => reading(seq));
    readings[1_234] = reading(1_234, 0, { battery: 50 });
    // At the time of the poison point: types are kept week by week, and one may have just begun.
    const seed = {
      measurement: 'environment',
      deviceId: 'seed',
      timestamp: readings[1_234].ts,
      fields: [conflicting],
    };
    expect(await store.write([seed])).toEqual({ kind: 'written', rejected: [] });
    for (let from = 0; from < 5_000; from += 500) {
      await pipeline.append(device(0), readings.slice(from, from + 500));
    }
    const writer = await pipeline.startWriter();
    onTestFinished(() => writer.stop());
    await drained();
    const letters = await pipeline.letters();
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      reason: 'store-rejected',
      index: 234,
      detail: { message: expect.stringContaining('field type conflict: input field "battery"') },
      origin: { topic: pipeline.topics.telemetry, offset: 2 },
    });
    expect(String(letters[0]?.payload)).toBe(JSON.stringify(readings[1_234]));
    expect(await pipeline.stored(device(0))).toHaveLength(4_999);
    await eventually(() =>
      expect(writer.accounting()).toEqual({ consumed: 5_000, stored: 4_999, deadLettered: 1 }),
    );
  });

  test('[P2] [P8] the store goes away and comes back: nothing is lost, nothing dead-lettered', async () => {
    const writer = await pipeline.startWriter();
    onTestFinished(() => writer.stop());
    const append = (from: number) =>
      Promise.all(Array.from({ length: 200 }, (_, i) => pipeline.append(device(i % 10), reading(from + i))));
    await append(0);
    await drained();
    await proxy.cut();
    await append(200);
    await eventually(() => expect(writer.health().storeTrouble).toContain('unreachable'));
    expect(await pipeline.backlog()).toBe(200);
    await proxy.restore();
    await drained();
    expect(await pipeline.stored(...devices(10))).toHaveLength(400);
    expect(await pipeline.letters()).toEqual([]);
    expect(writer.health()).toMatchObject({ consumerTrouble: undefined, storeTrouble: undefined });
    await eventually(() =>
      expect(writer.accounting()).toEqual({ consumed: 400, stored: 400, deadLettered: 0 }),
    );
  });

  test('[P2] [P10] a token that is refused keeps everything', async () => {
    const refused = openInfluxTelemetryStore(
      { ...required(influxdb), bucket, token: 'wrong' },
      depsWith(new Registry()),
    );
    for (let i = 0; i < 20; i++) await pipeline.append(device(0), reading(i));
    const writer = await pipeline.startWriter({ store: refused });
    await eventually(() => expect(writer.health().storeTrouble).toContain('INFLUX_TOKEN'));
    expect(await pipeline.metric('writer_write_retries_total{cause="misconfigured"}')).toBeGreaterThan(0);
    await writer.stop();
    await refused.close();
    expect(await pipeline.backlog()).toBe(20);
    expect(await pipeline.letters()).toEqual([]);
  });

  test('[P2] [P10] a bucket with other field types keeps everything, and is told in the words of InfluxDB', async () => {
    const other = `${bucket}-other`;
    await influxDbApi(required(influxdb)).createBucket(other);
    await using foreign = openInfluxTelemetryStore(
      { ...required(influxdb), bucket: other },
      depsWith(new Registry()),
    );
    const fields = [{ name: 'schemaVersion', kind: 'string', value: '1' }] as const;
    // At both ends of what follows: types are kept week by week, and one may have just begun.
    const seeds = [reading(0), reading(12_000)].map(({ ts }) => ({
      measurement: 'environment',
      deviceId: 'seed',
      timestamp: ts,
      fields,
    }));
    expect(await foreign.write(seeds)).toEqual({ kind: 'written', rejected: [] });
    for (let m = 0; m < 30; m++) {
      const readings = Array.from({ length: 200 }, (_, i) => reading(m * 200 + i));
      await pipeline.append(device(m % 10), readings);
    }
    const writer = await pipeline.startWriter({ store: foreign, log: inSmallBatches(log) });
    onTestFinished(() => writer.stop());
    const words =
      /field type conflict: input field "schemaVersion" on measurement "environment" is type integer, already exists as type string/;
    await eventually(() => expect(writer.health().storeTrouble).toMatch(words), { withinMs: 60_000 });
    const told = pipeline.lines.filter(({ msg }) => msg.startsWith('the store refuses every point'));
    expect(JSON.stringify(told)).toMatch(/input field \\"schemaVersion\\" on measurement/);
    // Those that were refused before there was enough evidence; one answer of the store may have told of them all.
    const inItsWords = String.raw`input field \"schemaVersion\"`;
    await eventually(async () =>
      expect(JSON.stringify((await pipeline.letters())[0]?.detail)).toContain(inItsWords),
    );
    expect(await pipeline.backlog()).toBeGreaterThan(0);
  });

  test('[P2] [P3] a writer joins and another leaves in the middle: every reading once', async () => {
    const count = 3_000;
    await Promise.all(
      Array.from({ length: count / 10 }, (_, m) =>
        pipeline.append(
          device(m % 20),
          Array.from({ length: 10 }, (_, i) => reading(m * 10 + i)),
        ),
      ),
    );
    await using otherLog = await openLog();
    const first = await pipeline.startWriter();
    await eventually(() => expect(first.accounting().consumed).toBeGreaterThan(0), { withinMs: 60_000 });
    const second = await pipeline.startWriter({ log: otherLog });
    onTestFinished(() => second.stop());
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => pipeline.append(device(i % 20), reading(count + i))),
    );
    await first.stop();
    await drained();
    expect(await pipeline.stored(...devices(20))).toHaveLength(count + 100);
    expect(await pipeline.letters()).toEqual([]);
    expect(await pipeline.metric('writer_rebalances_total')).toBeGreaterThan(0);
  });
});
