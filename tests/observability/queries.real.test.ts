import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listMetrics, type ProcessName } from '#docs/generate/metrics.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { makeCertificate } from '#services/certificates.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { startPrometheus } from '#services/prometheus.ts';
import { missingReason, required } from '#services/provide.ts';
import { queriesOf, readDashboards } from './dashboard-file.ts';
import { undocumentedIn } from './exposition.ts';
import { askFlux, fluxQueries } from './flux.ts';
import { DISTRIBUTED_JOBS, startDevices, startMonitoredPipeline } from './monitored-pipeline.ts';
import { askPrometheus, writePrometheusConfig } from './monitoring.ts';
import { metricsOf, selectorsOf, withVariables } from './promql.ts';
import { readAlerts, readRecordings } from './rule-file.ts';

/*
 * Aim: no panel, rule or alert asks for something that nobody exports.
 * Method: the real processes under load, scraped by the real Prometheus with the rules of this repository; every query
 * of dashboards, recording rules and alerts must be accepted and give data. An alert gives nothing while all is well, so
 * its selectors must give data instead.
 */

const monitoring = inject('monitoring');
const kafka = inject('kafka');
const influxdb = inject('influxdb');

const DATA_WITHIN_MS = 60_000;
const DEVICES = 20;
const documented = await listMetrics(loadSchemas());
const dashboards = readDashboards();

const recordings = readRecordings();
const promql = [
  ...queriesOf(dashboards, 'prometheus').map(({ where, query }) => ({
    where: `dashboard ${where}`,
    query: withVariables(query, { instance: '.*', consumergroup: '.*' }),
  })),
  ...recordings.map(({ record, expr }) => ({ where: `rule ${record}`, query: expr })),
  ...readAlerts().flatMap(({ alert, expr }) =>
    selectorsOf(expr).map((selector) => ({ where: `alert ${alert}`, query: selector })),
  ),
  // Only where a broker stands in front, or foreign messages come.
].filter(({ query }) => !metricsOf(query).some((name) => /^(mqtt_source_|ingest_mapped_)/.test(name)));

/** Only the embedded log has these; with Kafka their queries give nothing. */
const embeddedOnly = new Set([
  ...documented
    .filter(({ processes }) => processes.every((process) => process === 'standalone'))
    .map(({ name }) => name),
  'instance:event_log_backlog:ratio',
]);
const isEmbeddedOnly = (query: string) => metricsOf(query).some((name) => embeddedOnly.has(name));
/** Only Kafka has these. */
const kafkaOnly = new Set(
  documented.filter(({ processes }) => !processes.includes('standalone')).map(({ name }) => name),
);
const isKafkaOnly = (query: string) => metricsOf(query).some((name) => kafkaOnly.has(name));

/** Resources of a describe block, released last in, first out. */
async function monitored<Job extends Exclude<ProcessName, 'mqtt-source' | 'console'>>(
  resources: AsyncDisposableStack,
  jobs: readonly Job[],
  config: 'standalone.yml' | 'local.yml',
  env: Readonly<Record<string, string>>,
) {
  const folder = await mkdtemp(path.join(tmpdir(), 'pipeline-queries-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  // So that its expiry has a series, and is far enough away for no alert.
  makeCertificate(folder, 'server', { subjectAltName: 'IP:127.0.0.1', days: 365 });
  const tls = {
    MQTT_TLS_PORT: '0',
    MQTT_TLS_CERT_FILE: path.join(folder, 'server.crt'),
    MQTT_TLS_KEY_FILE: path.join(folder, 'server.key'),
  };
  const pipeline = resources.use(
    await startMonitoredPipeline(jobs, { DATA_DIR: path.join(folder, 'data'), ...tls, ...env }),
  );
  resources.use(startDevices(pipeline.mqttUrl, DEVICES, 0.1));
  const configFile = await writePrometheusConfig(folder, { config, targets: pipeline.targets });
  const prometheus = resources.use(await startPrometheus({ configFile }));
  return { pipeline, prometheus };
}

function expectMetricsDocumented(
  getTargets: () => Readonly<Record<string, string>>,
  jobs: readonly ProcessName[],
) {
  it.each(jobs)('%s exports nothing that docs/metrics.md does not say of it', async (job) => {
    const text = await (await fetch(`http://${getTargets()[job]}/metrics`)).text();
    expect(text).toContain('event_log_up');
    expect(undocumentedIn(text, job, documented)).toEqual([]);
  });
}

describe.skipIf(missingReason(monitoring))('one process, embedded', () => {
  const resources = new AsyncDisposableStack();
  let setUp: Awaited<ReturnType<typeof monitored<'standalone'>>>;
  beforeAll(async () => {
    setUp = await monitored(resources, ['standalone'], 'standalone.yml', {});
  });
  afterAll(() => resources.disposeAsync());

  expectMetricsDocumented(() => setUp.pipeline.targets, ['standalone']);

  const inOneProcess = promql.filter(({ query }) => !isKafkaOnly(query));
  it.each(inOneProcess)('[P7] $where gives data: $query', async ({ query }) => {
    await expect
      .poll(async () => (await askPrometheus(setUp.prometheus.url, query)).length, {
        timeout: DATA_WITHIN_MS,
      })
      .toBeGreaterThan(0);
  });

  it('[P8] no alert fires or is about to, for want of a fault', async () => {
    const url = setUp.prometheus.url;
    // A tenth of the readings is malformed here.
    const pending = () => askPrometheus(url, 'ALERTS{alertname!="DeadLetterRateHigh"}');
    // A scrape that a busy machine missed leaves one pending for a moment.
    await expect.poll(pending, { timeout: DATA_WITHIN_MS }).toEqual([]);
  });
});

describe.skipIf(missingReason(monitoring, kafka, influxdb))(
  'gateway, processors and lag monitor on Kafka and InfluxDB',
  () => {
    const resources = new AsyncDisposableStack();
    const suffix = randomBytes(4).toString('hex');
    let setUp: Awaited<ReturnType<typeof monitored<(typeof DISTRIBUTED_JOBS)[number]>>>;
    beforeAll(async () => {
      const { url, token, org } = required(influxdb);
      await influxDbApi({ url, token, org }).createBucket(suffix);
      setUp = await monitored(resources, DISTRIBUTED_JOBS, 'local.yml', {
        KAFKA_BROKERS: required(kafka).brokers.join(','),
        TOPIC_PARTITIONS: '3',
        TELEMETRY_TOPIC: `${suffix}.readings`,
        DEAD_LETTER_TOPIC: `${suffix}.readings.dlq`,
        DEAD_LETTER_STATE_TOPIC: `${suffix}.readings.dlq.state`,
        CONSUMER_GROUP: suffix,
        INFLUX_URL: url,
        INFLUX_TOKEN: token,
        INFLUX_ORG: org,
        INFLUX_BUCKET: suffix,
      });
    });
    afterAll(() => resources.disposeAsync());

    expectMetricsDocumented(() => setUp.pipeline.targets, DISTRIBUTED_JOBS);

    it.each(promql.filter(({ query }) => !isEmbeddedOnly(query)))(
      '[P7] $where gives data: $query',
      async ({ query }) => {
        await expect
          .poll(async () => (await askPrometheus(setUp.prometheus.url, query)).length, {
            timeout: DATA_WITHIN_MS,
          })
          .toBeGreaterThan(0);
      },
    );

    it.each(fluxQueries(dashboards))('$where gives data', async ({ query }) => {
      const ask = () => askFlux({ ...required(influxdb), bucket: suffix }, query);
      await expect.poll(async () => (await ask()).length, { timeout: DATA_WITHIN_MS }).toBeGreaterThan(0);
    });

    it('the gaps of the sequence are the readings that were refused', async () => {
      const { query } = fluxQueries(dashboards).find(({ where }) => where.includes('Gaps')) ?? { query: '' };
      await eventually(async () => {
        const rows = await askFlux({ ...required(influxdb), bucket: suffix }, query);
        expect(rows.length).toBe(DEVICES);
        const missing = rows.map((row) => Number(row['missing']));
        expect(Math.min(...missing)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...missing)).toBeGreaterThan(0);
      });
    });

    it('[P8] no alert fires or is about to, for want of a fault', async () => {
      const pending = () => askPrometheus(setUp.prometheus.url, 'ALERTS{alertname!="DeadLetterRateHigh"}');
      await expect.poll(pending, { timeout: DATA_WITHIN_MS }).toEqual([]);
    });
  },
);
