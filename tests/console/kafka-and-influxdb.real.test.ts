import { randomBytes } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { goodReading } from '#console/server/testing/test-console.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { depsWith } from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { missingReason, required } from '#services/provide.ts';
import { openInfluxTelemetryStore } from '#telemetry-store/influxdb/influx-telemetry-store.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const chromium = inject('chromium');
const kafka = inject('kafka');
const influxdb = inject('influxdb');

describe.skipIf(missingReason(chromium, kafka, influxdb))('the console on Kafka and InfluxDB', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('numbers agree with /metrics, a letter is mended by clicking, dismissed and undone, its reading traced to the store', async () => {
    const name = `console-${randomBytes(4).toString('hex')}`;
    const address = required(influxdb);
    await influxDbApi(address).createBucket(name);
    await using opened = new AsyncDisposableStack();
    const deps = depsWith(new Registry());
    const store = opened.use(
      openInfluxTelemetryStore({ ...address, bucket: name, requestTimeoutMs: 10_000 }, deps),
    );
    const eventLog = opened.use(
      await openKafkaEventLog(
        { brokers: required(kafka).brokers, ssl: false, clientId: name, topicPartitions: 3 },
        deps,
      ),
    );
    await using viewer = await ConsoleInBrowser.open(browser, { parts: { eventLog, store } });
    const { console, page } = viewer;
    const hot = `{"schema":"environment/1","ts":${Date.now()},"seq":7,"values":{"temperature":"21.53","humidity":44.1}}`;
    await console.publish('dev-1', goodReading(0), goodReading(1, Date.now() + 1), hot);

    await viewer.visit('/');
    await eventually(async () => {
      const stored = await console.metric('writer_readings_stored_total');
      expect(stored).toBe(2);
      expect(await page.getByRole('row', { name: '= stored 2' }).count()).toBe(1);
    });
    await page.getByRole('link', { name: /^Dead letters: 1 waiting/ }).click();
    const letters = page.getByRole('region', { name: 'Dead letters, scrolls' });
    await letters.getByRole('checkbox', { name: /^Choose letter/ }).check();
    await page.getByRole('button', { name: 'Dismiss…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText('No letter is like this').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await letters.getByText('must be number').click();
    await eventually(async () =>
      expect(await page.locator('.payload mark').allInnerTexts()).toEqual(['"21.53"']),
    );

    await page.getByRole('button', { name: 'Correct and submit' }).click();
    await page.getByLabel('Corrected payload').fill(hot.replace('"21.53"', '21.53'));
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.locator('.page-head').getByText('recovered').waitFor();
    await eventually(async () => expect(await console.metric('writer_readings_stored_total')).toBe(3));
    await page.getByRole('link', { name: 'Trace seq 7' }).click();
    await page.locator('.way-stored').waitFor();
  });
});
