import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitForCount } from '#benchmarks/wait-for-count.ts';
import type { InfluxDb } from '#services/influxdb.ts';
import type { Kafka } from '#services/kafka.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { startMosquitto } from '#services/mosquitto.ts';
import { startService } from '#services/service-process.ts';
import { pointsWritten } from './points-written.ts';
import { ingestConfig, type PeerAddresses, writeConfig } from './telegraf-config.ts';

const PARTITIONS = 12;
const LOOK_MS = 250;

/** mosquitto → telegraf → Kafka → telegraf → InfluxDB, with a topic and a bucket of its own. */
export class PeerChain implements AsyncDisposable {
  readonly mqttPort: number;
  /** Of all processes that take part, by name. */
  readonly pids: Readonly<Record<string, number>>;
  readonly #stored: () => Promise<number>;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    mqttPort: number,
    pids: Readonly<Record<string, number>>,
    stored: () => Promise<number>,
    resources: AsyncDisposableStack,
  ) {
    this.mqttPort = mqttPort;
    this.pids = pids;
    this.#stored = stored;
    this.#resources = resources;
  }

  static async start(telegraf: string, kafka: Kafka, influxDb: InfluxDb): Promise<PeerChain> {
    await using resources = new AsyncDisposableStack();
    const folder = mkdtempSync(path.join(tmpdir(), 'peer-'));
    resources.defer(() => rmSync(folder, { recursive: true, force: true }));
    // Nothing is thrown away between it and Telegraf.
    const mosquitto = resources.use(await startMosquitto({ config: ['max_inflight_messages 1000'] }));
    const run = `peer-${randomBytes(4).toString('hex')}`;
    const addresses: PeerAddresses = {
      mqttUrl: `tcp://127.0.0.1:${mosquitto.port}`,
      kafkaBrokers: kafka.brokers.join(),
      topic: run,
      influxUrl: influxDb.url,
      token: influxDb.token,
      org: influxDb.org,
      bucket: run,
    };
    await influxDb.createBucket(run);
    await createTopic(kafka, run);
    const start = async (name: string, config: string): Promise<number> => {
      const file = path.join(folder, `${name}.conf`);
      writeFileSync(file, config, { mode: 0o600 });
      const service = await startService({
        name: `Telegraf (${name})`,
        command: telegraf,
        args: ['--config', file],
        logFile: path.join(folder, `${name}.log`),
        isReady: async (log) => /Loaded outputs/.test(await log()),
      });
      resources.defer(() => service.stop());
      return service.pid;
    };
    const pids = {
      writer: await start('write', writeConfig(addresses)),
      ingest: await start('ingest', ingestConfig(addresses)),
      mosquitto: mosquitto.pid,
      kafka: kafka.node(0).pid,
      influxDb: influxDb.pid,
    };
    return new PeerChain(mosquitto.port, pids, await pointsWritten(influxDb), resources.move());
  }

  /** Resolves when exactly so many readings are stored; to the time of it. */
  waitForStored(readings: number): Promise<number> {
    return waitForCount(readings, this.#stored, LOOK_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = createKafkaClient(kafka.brokers).admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }] });
  } finally {
    await admin.disconnect();
  }
}
