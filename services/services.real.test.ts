import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { startInfluxDb } from './influxdb.ts';
import { startKafka } from './kafka.ts';
import { createKafkaClient } from './kafka-client.ts';
import { waitUntilInSync } from './kafka-in-sync.ts';
import { endProcess, identifyProcess } from './process-identity.ts';
import { startAlertmanager, startPrometheus } from './prometheus.ts';
import { missingReason, required } from './provide.ts';
import { bringUp, takeDown } from './up.ts';

const kafkaProvided = inject('kafka');
const influxDbProvided = inject('influxdb');
const monitoringProvided = inject('monitoring');

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-real-test-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(missingReason(kafkaProvided))('Kafka', () => {
  // The first test that speaks with Kafka, because Node.js warns once in a process.
  test('a look at the brokers from outside leaves no spinning timer behind', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error) => warnings.push(name);
    process.on('warning', note);
    await waitUntilInSync(required(kafkaProvided).brokers);
    process.off('warning', note);
    expect(warnings).not.toContain('TimeoutNegativeWarning');
  });

  test('a broker of our own keeps its records over a SIGKILL, and ends by its pid', async () => {
    const cluster = await startKafka({ brokers: 1, config: { 'log.retention.hours': 1 } });
    const { pid } = cluster.node(0);
    try {
      const kafka = createKafkaClient(cluster.brokers);
      const admin = kafka.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'readings', numPartitions: 1 }] });
      const producer = kafka.producer();
      await producer.connect();
      await producer.send({ topic: 'readings', acks: -1, messages: [{ key: 'device-1', value: '21.5' }] });
      await Promise.all([producer.disconnect(), admin.disconnect()]);

      await cluster.node(0).kill();
      expect(identifyProcess(pid)).toBeUndefined();
      await cluster.node(0).start();
      expect(cluster.node(0).pid).not.toBe(pid);

      await admin.connect();
      expect(await admin.fetchTopicOffsets('readings')).toMatchObject([{ low: '0', high: '1' }]);
      await admin.disconnect();
    } finally {
      await cluster.close();
    }
    expect(cluster.nodes.map((node) => node.running)).toEqual([false]);
  });

  test('the shared broker answers', async () => {
    const kafka = createKafkaClient(required(kafkaProvided).brokers);
    const admin = kafka.admin();
    await admin.connect();
    expect((await admin.describeCluster()).brokers).toHaveLength(1);
    await admin.disconnect();
  });
});

describe.skipIf(missingReason(influxDbProvided))('InfluxDB', () => {
  test('a server of our own keeps its points over a SIGKILL, honours token scopes, and ends by its pid', async () => {
    const influxDb = await startInfluxDb();
    try {
      await influxDb.createBucket('site', { retentionSeconds: 3600 });
      const token = await influxDb.createToken({ buckets: ['site'], write: true });
      const write = async (bucket: string) => {
        const response = await fetch(`${influxDb.url}/api/v2/write?org=${influxDb.org}&bucket=${bucket}`, {
          method: 'POST',
          headers: { authorization: `Token ${token}` },
          body: 'environment,device=d1 temperature=21.5',
        });
        return response.status;
      };
      expect(await write('site')).toBe(204);
      expect(await write(influxDb.bucket)).toBe(403);

      await influxDb.kill();
      await influxDb.start();

      const query = await fetch(`${influxDb.url}/api/v2/query?org=${influxDb.org}`, {
        method: 'POST',
        headers: { authorization: `Token ${influxDb.token}`, 'content-type': 'application/vnd.flux' },
        body: 'from(bucket: "site") |> range(start: -1h)',
      });
      expect(await query.text()).toContain(',21.5,temperature,environment,d1');
    } finally {
      await influxDb.close();
    }
    expect(influxDb.running).toBe(false);
    expect(identifyProcess(influxDb.pid)).toBeUndefined();
  });
});

describe.skipIf(missingReason(influxDbProvided))('up and down', () => {
  test('up twice is up once, a part that died is started again on its data, down ends it', async () => {
    const options = { dataDir: folder, brokers: 1, only: ['influxdb'], prometheusConfigDir: folder } as const;
    const first = await bringUp(options);
    try {
      expect(await bringUp(options)).toEqual(first);
      await expect(bringUp({ ...options, only: ['kafka', 'influxdb'] })).rejects.toThrow('running already');

      for (const { identity } of first.processes) await endProcess(identity, 0);
      const second = await bringUp(options);
      expect(second.processes[0]?.identity).not.toEqual(first.processes[0]?.identity);
      expect(second.environment?.['INFLUX_TOKEN']).toBe(first.environment?.['INFLUX_TOKEN']);
    } finally {
      expect(await takeDown(folder, { deleteData: false })).toEqual(['influxdb']);
    }
  });
});

describe.skipIf(missingReason(monitoringProvided))('Prometheus and Alertmanager', () => {
  test('an alert that fires arrives', async () => {
    const alertmanagerConfig = join(folder, 'alertmanager.yml');
    await writeFile(alertmanagerConfig, 'route: {receiver: nobody}\nreceivers: [{name: nobody}]\n');
    await using alertmanager = await startAlertmanager({ configFile: alertmanagerConfig });
    const configFile = join(folder, 'prometheus.yml');
    await writeFile(
      configFile,
      `
global: {evaluation_interval: 100ms}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['${new URL(alertmanager.url).host}']}]}]}
`,
    );
    await writeFile(
      join(folder, 'rules.yml'),
      'groups: [{name: test, rules: [{alert: AlwaysFiring, expr: vector(1)}]}]\n',
    );
    // It finds its Alertmanager a few seconds after the alert fired, and says it only once a minute otherwise.
    await using _prometheus = await startPrometheus({
      configFile,
      args: ['--rules.alert.resend-delay=1s'],
    });

    await expect
      .poll(async () => (await fetch(`${alertmanager.url}/api/v2/alerts`)).json(), { timeout: 120_000 })
      .toMatchObject([{ labels: { alertname: 'AlwaysFiring' } }]);
  });

  test('a configuration that it refuses is shown', async () => {
    const configFile = join(folder, 'prometheus.yml');
    await writeFile(configFile, 'no_such_setting: 1\n');
    await expect(startPrometheus({ configFile, dataDir: folder })).rejects.toThrow('no_such_setting');
  });
});
