import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { eventually } from '#runtime/testing/eventually.ts';
import { type InfluxDb, startInfluxDb } from '#services/influxdb.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { waitUntilInSync } from '#services/kafka-in-sync.ts';
import { missingReason } from '#services/provide.ts';
import { DistributedPipeline } from '#tests/distributed-pipeline.ts';
import { runSimulator, type SimulatorReport } from '#tests/run-simulator.ts';

/**
 * Aim: P1 and P2 across processes, with everything that an operator's week may bring. Method: three brokers (RF 3, min
 * ISR 2), two gateways, two processors, a fleet over both gateways; faults while it publishes; afterwards every
 * acknowledged reading must be stored or dead-lettered, to the single (device, seq) and value.
 */
const seed = Math.floor(Math.random() * 2 ** 31);
const fleet = [
  '--devices',
  '40',
  '--rate',
  '20',
  '--batch',
  '5',
  '--malformed',
  '0.01',
  '--disconnect',
  '0.1',
];

describe.skipIf(missingReason(inject('kafka'), inject('influxdb')))('the distributed pipeline', () => {
  let kafka: Kafka;
  let influxDb: InfluxDb;
  let pipeline: DistributedPipeline;

  beforeAll(async () => {
    [kafka, influxDb] = await Promise.all([startKafka({ brokers: 3 }), startInfluxDb()]);
    pipeline = new DistributedPipeline({
      KAFKA_BROKERS: kafka.brokers.join(),
      TOPIC_PARTITIONS: '6',
      INFLUX_URL: influxDb.url,
      INFLUX_TOKEN: influxDb.token,
      INFLUX_ORG: influxDb.org,
      INFLUX_BUCKET: influxDb.bucket,
    });
    await Promise.all([pipeline.addGateway(), pipeline.addGateway()]);
    await Promise.all([pipeline.addProcessor(), pipeline.addProcessor()]);
  });

  afterAll(async () => {
    await pipeline[Symbol.asyncDispose]();
    await Promise.all([kafka.close(), influxDb.close()]);
  });

  /** A fleet publishes for `seconds` while `faults` happen, and then the books must close. */
  async function underFaults(
    run: number,
    seconds: number,
    faults: () => Promise<void>,
  ): Promise<SimulatorReport> {
    const args = [
      ...pipeline.urlArguments,
      ...fleet,
      '--duration',
      String(seconds),
      '--seed',
      String(seed + run),
    ];
    const simulation = runSimulator([...args, '--verify', '--verify-timeout', '120'], pipeline.env);
    const [report] = await Promise.all([simulation, sleep(2000).then(faults)]);
    process.stderr.write(`seed ${seed + run}: ${JSON.stringify(report)}\n`);
    expect(report, `seed ${seed + run}`).toMatchObject({ missing: 0, ok: true });
    expect(report.acked).toBeGreaterThan(0);
    return report;
  }

  it('[P1] [P2] stands each broker restarted in turn, one killed, one frozen for 20 s', async () => {
    await underFaults(0, 60, async () => {
      for (const node of kafka.nodes) {
        await node.stop();
        await node.start();
        await waitUntilInSync(kafka.brokers);
      }
      await kafka.node(1).kill();
      await sleep(3000);
      await kafka.node(1).start();
      await waitUntilInSync(kafka.brokers);
      kafka.node(2).freeze();
      await sleep(20_000);
      kafka.node(2).thaw();
    });
    await waitUntilInSync(kafka.brokers);
  });

  it('[P2] [P6] loses nothing while the store is away', async () => {
    await underFaults(1, 25, async () => {
      await influxDb.stop();
      await sleep(15_000);
      await influxDb.start();
    });
  });

  it('[P2] loses nothing when a processor joins, one is killed, and a gateway is killed', async () => {
    await underFaults(2, 25, async () => {
      await pipeline.addProcessor();
      await sleep(3000);
      await pipeline.processors[0]?.kill();
      await sleep(3000);
      await pipeline.gateways[0]?.kill();
      await sleep(3000);
      await pipeline.gateways[0]?.start();
      await pipeline.processors[0]?.start();
    });
    await eventually(async () => expect(await pipeline.gateways[1]?.stop()).toBe(0));
  });
});
