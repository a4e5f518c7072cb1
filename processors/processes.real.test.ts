import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import {
  depsWith,
  PipelineUnderTest,
  reading,
} from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { missingReason, required } from '#services/provide.ts';
import { openInfluxTelemetryStore } from '#telemetry-store/influxdb/influx-telemetry-store.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

const ROOT = path.join(import.meta.dirname, '..');
const kafka = inject('kafka');
const influxdb = inject('influxdb');

describe.skipIf(missingReason(kafka, influxdb))('the processes, on real Kafka and InfluxDB', () => {
  const bucket = `processes-${randomBytes(4).toString('hex')}`;
  let log: EventLog;
  let store: TelemetryStore;
  let pipeline: PipelineUnderTest;
  let env: Record<string, string>;

  beforeAll(async () => {
    const address = required(influxdb);
    const { brokers } = required(kafka);
    await influxDbApi(address).createBucket(bucket);
    log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: bucket, topicPartitions: 2 },
      depsWith(new Registry()),
    );
    store = openInfluxTelemetryStore({ ...address, bucket }, depsWith(new Registry()));
    pipeline = new PipelineUnderTest(log, store);
    env = {
      KAFKA_BROKERS: brokers.join(),
      TOPIC_PARTITIONS: '2',
      TELEMETRY_TOPIC: pipeline.topics.telemetry,
      DEAD_LETTER_TOPIC: pipeline.topics.deadLetters,
      DEAD_LETTER_STATE_TOPIC: pipeline.topics.deadLetterState,
      CONSUMER_GROUP: pipeline.group,
      INFLUX_URL: address.url,
      INFLUX_TOKEN: address.token,
      INFLUX_ORG: address.org,
      INFLUX_BUCKET: bucket,
    };
  });
  afterAll(async () => {
    await log.close();
    await store.close();
  });

  /** A process of ours on a port that it chooses; killed after the test. */
  async function start(main: string) {
    const [port] = await choosePorts([undefined]);
    const child = run(main, [], { ...env, HTTP_PORT: String(port) });
    child.stdout.resume();
    onTestFinished(() => void child.kill('SIGKILL'));
    const url = `http://127.0.0.1:${port}`;
    const get = async (path: string) => {
      const response = await fetch(url + path);
      return { status: response.status, body: await response.text() };
    };
    await eventually(async () => expect((await get('/healthz')).status).toBe(200));
    return { child, get };
  }
  const stopped = async (child: ChildProcess) => {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    return (await exit)[0];
  };
  const samples = (body: string, name: string): number[] =>
    body
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

  test('[P2] [P7] lag is seen without any processor, and grows; a processor drains it, serves readings, stops with 0', async () => {
    const monitor = await start('lag-monitor/main.ts');
    // Topics do not exist yet: not an answer.
    expect(samples((await monitor.get('/metrics')).body, 'kafka_consumergroup_lag')).toEqual([]);
    await pipeline.createTopics();
    for (let i = 0; i < 50; i++) await pipeline.append(`dev-${i % 5}`, reading(i));
    const lagSeconds = async () =>
      Math.max(...samples((await monitor.get('/metrics')).body, 'kafka_consumergroup_lag_seconds'));
    await eventually(async () => {
      const { body } = await monitor.get('/metrics');
      expect(sum(samples(body, 'kafka_consumergroup_lag'))).toBe(50);
      expect(samples(body, 'kafka_consumergroup_current_offset')).toEqual([-1, -1]);
    });
    expect((await monitor.get('/readyz')).status).toBe(200);
    // By the time of two looks that saw the same, seconds grow with every scrape.
    const before = await lagSeconds();
    await eventually(async () => expect(await lagSeconds()).toBeGreaterThan(before + 6));
    const [earliest, one, latest] = [Date.now(), await lagSeconds(), Date.now()];
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const [next, other, last] = [Date.now(), await lagSeconds(), Date.now()];
    const grewMs = Math.round((other - one) * 1000);
    expect(grewMs).toBeGreaterThanOrEqual(next - latest);
    expect(grewMs).toBeLessThanOrEqual(last - earliest);

    const processor = await start('telemetry-writer/main.ts');
    await eventually(async () => expect(await pipeline.backlog()).toBe(0), { withinMs: 60_000 });
    await eventually(async () => expect((await processor.get('/readyz')).status).toBe(200));
    const { body } = await processor.get('/metrics');
    expect(sum(samples(body, 'writer_readings_stored_total'))).toBe(50);
    expect(sum(samples(body, 'writer_rebalances_total'))).toBe(1);
    const answer = await processor.get('/api/devices/dev-3/readings?limit=2');
    expect(JSON.parse(answer.body)).toMatchObject({ device: 'dev-3', readings: [{ seq: 48 }, { seq: 43 }] });
    expect((await processor.get('/api/devices/dev-3/readings?limit=x')).status).toBe(400);
    await eventually(async () =>
      expect(sum(samples((await monitor.get('/metrics')).body, 'kafka_consumergroup_lag'))).toBe(0),
    );
    expect(await lagSeconds()).toBe(0);

    const once = run('lag-monitor/main.ts', ['--once', '--json'], env);
    const report = JSON.parse(await text(once.stdout));
    expect(report).toMatchObject({ group: pipeline.group, records: 0, seconds: 0 });
    expect(report.partitions).toHaveLength(2);

    const tracing = run('trace/main.ts', ['dev-3', '48', '--json'], env);
    expect(JSON.parse(await text(tracing.stdout))).toMatchObject({
      verdict: 'stored',
      accepted: [{ committed: true }],
    });

    expect(await stopped(processor.child)).toBe(0);
    expect(await stopped(monitor.child)).toBe(0);
  });
});

function run(main: string, argv: readonly string[], env: Readonly<Record<string, string>>) {
  return spawn(process.execPath, [path.join(ROOT, 'processors', main), ...argv], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
