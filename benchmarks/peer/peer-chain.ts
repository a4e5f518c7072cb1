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
import { ingestConfig, type PeerAddresses, writeConfig } from './telegraf-config.ts';

const PARTITIONS = 12;
const LOOK_MS = 250;

/** mosquitto → telegraf → Kafka → telegraf → InfluxDB, with a topic and a bucket of its own. */
export class PeerChain implements AsyncDisposable {
  readonly mqttPort: number;
  /** Of all processes that take part, by name. */
  readonly pids: Readonly<Record<string, number>>;
  readonly #addresses: PeerAddresses;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    mqttPort: number,
    pids: Readonly<Record<string, number>>,
    addresses: PeerAddresses,
    resources: AsyncDisposableStack,
  ) {
    this.mqttPort = mqttPort;
    this.pids = pids;
    this.#addresses = addresses;
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
    return new PeerChain(mosquitto.port, pids, addresses, resources.move());
  }

  /** Readings in InfluxDB. */
  async stored(): Promise<number> {
    const { influxUrl, org, token, bucket } = this.#addresses;
    const query = `from(bucket: "${bucket}") |> range(start: 0) |> filter(fn: (r) => r._field == "seq") |> count() |> group() |> sum()`;
    const response = await fetch(`${influxUrl}/api/v2/query?org=${encodeURIComponent(org)}`, {
      method: 'POST',
      headers: {
        authorization: `Token ${token}`,
        'content-type': 'application/vnd.flux',
        accept: 'application/csv',
      },
      body: query,
    });
    const rows = (await response.text()).trim().split(/\r?\n/);
    const column = rows[0]?.split(',').indexOf('_value') ?? -1;
    return rows.length < 2 ? 0 : Number(rows[1]?.split(',')[column]);
  }

  /** Resolves when exactly so many readings are stored; to the time of it. */
  waitForStored(readings: number): Promise<number> {
    return waitForCount(readings, () => this.stored(), LOOK_MS);
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
