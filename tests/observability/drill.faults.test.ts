import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { influxDbApi } from '#services/influxdb-api.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { type HttpService, startAlertmanager, startPrometheus } from '#services/prometheus.ts';
import { missingReason, required } from '#services/provide.ts';
import type { Fleet } from '#simulator/fleet.ts';
import {
  DISTRIBUTED_JOBS,
  type MonitoredPipeline,
  startDevices,
  startMonitoredPipeline,
} from './monitored-pipeline.ts';
import { askForNumber, askPrometheus, writeAlertmanagerConfig, writePrometheusConfig } from './monitoring.ts';
import { shortenedRules } from './shortened-rules.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

/*
 * Aim: a fault is seen, by the right name and no other, and seen to be over.
 * Method: gateway, processors and lag monitor as processes on a real Kafka of their own and a real InfluxDB, devices that
 * send all the time, the real Prometheus with this repository's rules (their times divided by FACTOR) and the real
 * Alertmanager with this repository's routes and inhibitions, which tells a webhook. One part after the other is killed
 * and started again.
 */

const FACTOR = 15;
const DEVICES = 20;
/** Longest time from a fault to its alert, and from its end to the message that it is over. */
const WITHIN = { timeout: 120_000, interval: 250 };
/** Seconds over which the growth of the lag is measured. */
const GROWTH_S = 15;

const missing = missingReason(inject('monitoring'), inject('kafka'), inject('influxdb'));

describe.skipIf(missing)('drill', () => {
  const resources = new AsyncDisposableStack();
  let kafka: Kafka;
  let pipeline: MonitoredPipeline<(typeof DISTRIBUTED_JOBS)[number]>;
  let devices: Fleet;
  let webhook: WebhookReceiver;
  let prometheus: HttpService;
  let alertmanager: HttpService;

  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pipeline-drill-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const bucket = `drill-${randomBytes(4).toString('hex')}`;
    const influxdb = required(inject('influxdb'));
    await influxDbApi(influxdb).createBucket(bucket);
    kafka = resources.use(await startKafka({ brokers: 1 }));
    pipeline = resources.use(
      await startMonitoredPipeline(DISTRIBUTED_JOBS, {
        KAFKA_BROKERS: kafka.brokers.join(','),
        TOPIC_PARTITIONS: '3',
        INFLUX_URL: influxdb.url,
        INFLUX_TOKEN: influxdb.token,
        INFLUX_ORG: influxdb.org,
        INFLUX_BUCKET: bucket,
      }),
    );
    devices = resources.use(startDevices(pipeline.mqttUrl, DEVICES, 0));
    webhook = resources.use(await WebhookReceiver.start());
    alertmanager = resources.use(
      await startAlertmanager({ configFile: await writeAlertmanagerConfig(folder, webhook.url) }),
    );
    prometheus = resources.use(
      await startPrometheus({
        configFile: await writePrometheusConfig(folder, {
          config: 'local.yml',
          targets: pipeline.targets,
          alertmanager: new URL(alertmanager.url).host,
          change: (file) => shortenedRules(file, FACTOR),
        }),
      }),
    );
  });
  afterAll(() => resources.disposeAsync());

  const firing = async () => {
    const samples = await askPrometheus(prometheus.url, 'ALERTS{alertstate="firing"}');
    return [...new Set(samples.map(({ metric }) => metric['alertname']))].sort();
  };
  const lag = () => askForNumber(prometheus.url, 'consumergroup_topic:lag_seconds:max');
  /** A Prometheus that has just started has seen no look of the lag monitor yet. */
  const looksSeen = () =>
    askForNumber(prometheus.url, 'max(changes(lag_monitor_last_success_timestamp_seconds[20s]))');
  const untilQuiet = async () => {
    await expect.poll(looksSeen, WITHIN).toBeGreaterThan(0);
    await expect.poll(firing, WITHIN).toEqual([]);
    await expect.poll(lag, WITHIN).toBeLessThan(5);
    // What was silenced by another alert may be told when that one is over, and then its own end, too.
    await expect.poll(notOver, WITHIN).toEqual([]);
  };
  const notOver = () => {
    const over = webhook.heard('resolved');
    return webhook.heard('firing').filter((alert) => !over.includes(alert));
  };
  beforeEach(async () => {
    await untilQuiet();
    webhook.forget();
  });

  it('[P7] all processors die under load: the lag grows by a second a second, alerts fire, and resolve when one is back', async () => {
    await expect.poll(() => devices.progress().connected, WITHIN).toBe(DEVICES);
    await pipeline.processes.processors.kill();
    const killedAt = performance.now();

    await expect.poll(lag, WITHIN).toBeGreaterThan(8);
    const [first] = await askPrometheus(prometheus.url, 'max(kafka_consumergroup_lag_seconds)');
    await expect.poll(lag, WITHIN).toBeGreaterThan(8 + GROWTH_S);
    const [last] = await askPrometheus(prometheus.url, 'max(kafka_consumergroup_lag_seconds)');
    const deadForS = (performance.now() - killedAt) / 1000;
    if (first === undefined || last === undefined) throw new Error('the lag is not known');
    const growth = (Number(last.value[1]) - Number(first.value[1])) / (last.value[0] - first.value[0]);
    expect(growth).toBeGreaterThan(0.9);
    expect(growth).toBeLessThan(1.1);
    // The oldest record waits since the death, give or take a reading, a look and a scrape.
    expect(Math.abs(Number(last.value[1]) - deadForS)).toBeLessThan(10);

    await expect.poll(firing, WITHIN).toEqual(['ConsumerLagHigh', 'ConsumerStalled']);
    // The lag follows from the stall: Alertmanager keeps it to itself.
    await expect.poll(() => webhook.heard('firing'), WITHIN).toEqual(['ConsumerStalled']);

    await pipeline.processes.processors.start();
    await expect.poll(lag, WITHIN).toBeLessThan(5);
    await expect.poll(firing, WITHIN).toEqual([]);
    await expect.poll(() => webhook.heard('resolved'), WITHIN).toContain('ConsumerStalled');
  });

  it('[P7] the lag monitor dies: LagMonitorDown, and no other', async () => {
    await pipeline.processes['lag-monitor'].kill();
    await expect.poll(() => webhook.heard('firing'), WITHIN).toEqual(['LagMonitorDown']);
    expect(await firing()).toEqual(['LagMonitorDown']);

    await pipeline.processes['lag-monitor'].start();
    await expect.poll(() => webhook.heard('resolved'), WITHIN).toEqual(['LagMonitorDown']);
    expect(webhook.heard('firing')).toEqual(['LagMonitorDown']);
  });

  it('[P7] the gateway dies: IngestGatewayDown, and no other', async () => {
    await pipeline.processes['ingest-gateway'].kill();
    await expect.poll(() => webhook.heard('firing'), WITHIN).toEqual(['IngestGatewayDown']);
    expect(await firing()).toEqual(['IngestGatewayDown']);

    await pipeline.processes['ingest-gateway'].start();
    await expect.poll(() => webhook.heard('resolved'), WITHIN).toEqual(['IngestGatewayDown']);
    expect(webhook.heard('firing')).toEqual(['IngestGatewayDown']);
  });

  it('[P7] Kafka dies: EventLogUnavailable, and what follows from it is silenced', async () => {
    await expect.poll(() => devices.progress().connected, WITHIN).toBe(DEVICES);
    await kafka.node(0).kill();
    await expect.poll(() => webhook.heard('firing'), WITHIN).toEqual(['EventLogUnavailable']);
    // Nobody can measure the lag without a log. True, but no news.
    await expect.poll(firing, WITHIN).toContain('LagMonitorDown');

    await kafka.node(0).start();
    await expect.poll(() => webhook.heard('resolved'), WITHIN).toEqual(['EventLogUnavailable']);
    expect(webhook.heard('firing')).toEqual(['EventLogUnavailable']);
    await untilQuiet();
  });
});
