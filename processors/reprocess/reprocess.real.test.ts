import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { captureIo } from '#processors/dead-letters/testing/log-with-letters.ts';
import {
  depsWith,
  PipelineUnderTest,
  reading,
} from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { missingReason, required } from '#services/provide.ts';
import { openInfluxTelemetryStore } from '#telemetry-store/influxdb/influx-telemetry-store.ts';
import { runReprocess } from './command.ts';

const kafka = inject('kafka');
const influxdb = inject('influxdb');

describe.skipIf(missingReason(kafka, influxdb))('npm run reprocess, on real Kafka and InfluxDB', () => {
  test('[P2] [P8] another bucket gets every reading of every partition, interrupted in the middle or not', async () => {
    const bucket = `again-${randomBytes(4).toString('hex')}`;
    const address = required(influxdb);
    await influxDbApi(address).createBucket(bucket);
    const openLog = () =>
      openKafkaEventLog(
        { brokers: required(kafka).brokers, ssl: false, clientId: bucket, topicPartitions: 3 },
        depsWith(new Registry()),
      );
    const log = await openLog();
    onTestFinished(() => log.close());
    const store = openInfluxTelemetryStore({ ...address, bucket }, depsWith(new Registry()));
    onTestFinished(() => store.close());
    const pipeline = await new PipelineUnderTest(log, store).createTopics();
    const dataDir = mkdtempSync(path.join(tmpdir(), 'reprocess-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const devices = Array.from({ length: 12 }, (_, i) => `${pipeline.suffix}-${i}`);
    await Promise.all(
      devices.flatMap((device) =>
        [0, 1, 2].map((i) => pipeline.append(device, [reading(2 * i), reading(2 * i + 1)])),
      ),
    );
    const env = {
      DATA_DIR: dataDir,
      KAFKA_BROKERS: required(kafka).brokers.join(','),
      INFLUX_URL: address.url,
      INFLUX_TOKEN: address.token,
      INFLUX_ORG: address.org,
      INFLUX_BUCKET: 'not-this-one',
      TELEMETRY_TOPIC: pipeline.topics.telemetry,
    };
    const run = async (signal?: AbortSignal) => {
      const argv = ['--since', '1h', '--into-bucket', bucket, '--json'];
      const { io, out } = captureIo(argv, env, signal && { signal });
      const deps = depsWith(new Registry());
      const code = await runReprocess(io, {
        deps,
        openLog,
        openStore: async ({ influx }) => openInfluxTelemetryStore(influx as NonNullable<typeof influx>, deps),
      });
      return { code, report: JSON.parse(out()) };
    };
    expect((await run(AbortSignal.abort())).report).toMatchObject({ interrupted: true });
    const { code, report } = await run();
    expect(code).toBe(0);
    expect(report).toMatchObject({ read: 72, written: 72, refused: 0, resumedFrom: expect.any(String) });
    expect(await pipeline.stored(...devices)).toHaveLength(72);
    expect((await run()).report).toMatchObject({ read: 72, written: 72, resumedFrom: null });
    expect(await pipeline.stored(...devices)).toHaveLength(72);
  });
});
