import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitForCount } from '#benchmarks/wait-for-count.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import type { InfluxDb } from '#services/influxdb.ts';
import { type ServiceControl, startService } from '#services/service-process.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import { metricOf, pointsWritten } from './points-written.ts';
import { directConfig } from './telegraf-config.ts';

/** Between two looks whether it is connected. */
const LOOK_MS = 50;

/** Reads from a broker in a persistent session; ended, and started again, it goes on with what the broker kept. */
export interface SourceReader extends AsyncDisposable {
  /** Resolves once the broker has its session and its subscription. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Readings that the store took since the reader was opened: asked of a page of metrics, which costs the store little. */
  stored(): Promise<number>;
  pid(): number;
}

/** Telegraf's `mqtt_consumer`, which writes into a bucket of its own. */
export async function telegrafReader(
  telegraf: string,
  mqttPort: number,
  influxDb: InfluxDb,
): Promise<SourceReader> {
  const folder = mkdtempSync(path.join(tmpdir(), 'source-peer-'));
  const bucket = await newBucket(influxDb);
  const address = { influxUrl: influxDb.url, token: influxDb.token, org: influxDb.org, bucket };
  const file = path.join(folder, 'telegraf.conf');
  writeFileSync(file, directConfig({ ...address, mqttUrl: `tcp://127.0.0.1:${mqttPort}` }), { mode: 0o600 });
  let service: ServiceControl | undefined;
  return {
    async start() {
      service = await startService({
        name: 'Telegraf',
        command: telegraf,
        args: ['--config', file],
        logFile: path.join(folder, 'log'),
        isReady: async (log) => /Connected \[/.test(await log()),
      });
    },
    stop: async () => service?.stop(),
    stored: await pointsWritten(influxDb),
    pid: () => service?.pid as number,
    async [Symbol.asyncDispose]() {
      await service?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `npm start` with `MQTT_SOURCE_URL`; into InfluxDB, or into its own SQLite. */
export async function pipelineReader(
  mqttPort: number,
  influxDb: InfluxDb | undefined,
  signal: AbortSignal,
): Promise<SourceReader> {
  const folder = mkdtempSync(path.join(tmpdir(), 'source-ours-'));
  const [httpPort, ownMqttPort] = (await choosePorts([undefined, undefined])) as [number, number];
  const store = influxDb && {
    INFLUX_URL: influxDb.url,
    INFLUX_TOKEN: influxDb.token,
    INFLUX_ORG: influxDb.org,
    INFLUX_BUCKET: await newBucket(influxDb),
  };
  const pipeline = new PipelineProcess({
    command: ['standalone/main.ts'],
    env: {
      LOG_LEVEL: 'error',
      DATA_DIR: path.join(folder, 'data'),
      MQTT_PORT: String(ownMqttPort),
      MQTT_SOURCE_URL: `mqtt://127.0.0.1:${mqttPort}`,
      ...store,
    },
    httpPort,
    signal,
  });
  const metric = (name: string): Promise<number> => metricOf(`http://127.0.0.1:${httpPort}`, name);
  return {
    async start() {
      await pipeline.start();
      await waitForCount(1, () => metric('mqtt_source_connected'), LOOK_MS);
    },
    async stop() {
      await pipeline.stop();
    },
    stored: influxDb ? await pointsWritten(influxDb) : () => metric('writer_readings_stored_total'),
    pid: () => pipeline.pid as number,
    async [Symbol.asyncDispose]() {
      await pipeline.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function newBucket(influxDb: InfluxDb): Promise<string> {
  const bucket = `source-${randomBytes(4).toString('hex')}`;
  await influxDb.createBucket(bucket);
  return bucket;
}
