import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { DeviceRow, DevicesPage } from '#console/api/devices.ts';
import { goodReading } from '#console/server/testing/test-console.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const MANY = 10_000;
const chromium = inject('chromium');

describe.skipIf(missingReason(chromium))('devices in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('are searched, sorted, and told apart; the address keeps what was asked for', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('hall-1', goodReading(0), goodReading(1));
    const gone = await console.publish('hall-2', goodReading(0), 'no JSON');
    await console.publish('yard-1', goodReading(0));
    gone.socket.destroy();
    await eventually(async () => {
      const { devices } = await console.get<DevicesPage>('/devices?state=silent');
      expect(devices.map(({ id }) => id)).toEqual(['hall-2']);
    });
    await viewer.visit('/devices');
    const ids = () => page.locator('table.devices tbody td:first-child').allInnerTexts();
    expect(await ids()).toEqual(['hall-1', 'hall-2', 'yard-1']);

    await page.getByRole('searchbox').fill('hall');
    await eventually(async () => expect(await ids()).toEqual(['hall-1', 'hall-2']));
    await page.getByRole('button', { name: 'Accepted' }).click();
    await eventually(async () => expect(await ids()).toEqual(['hall-1', 'hall-2']));
    await page.getByRole('button', { name: 'Accepted' }).click();
    await eventually(async () => expect(await ids()).toEqual(['hall-2', 'hall-1']));
    await page.getByRole('button', { name: /^Silent/ }).click();
    await eventually(async () => expect(await ids()).toEqual(['hall-2']));
    await page.reload();
    await eventually(async () => expect(await ids()).toEqual(['hall-2']));
    expect(new URL(page.url()).searchParams.get('search')).toBe('hall');
  });

  test('one of them: values as charts with their unit, readings, letters, connections, gaps', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    // Of one millisecond the store makes one.
    const now = Date.now();
    await console.publish('dev-1', ...[0, 1, 5].map((seq) => goodReading(seq, now + seq)), 'no JSON');
    await eventually(async () => expect(await console.metric('writer_readings_stored_total')).toBe(3));
    await viewer.visit('/devices');
    await page.getByRole('link', { name: 'dev-1' }).click();
    await page.getByRole('heading', { level: 1, name: 'dev-1' }).waitFor();
    await viewer.settled();
    await page.getByText('temperature, °C').waitFor();
    await eventually(async () => expect(await page.locator('.chart canvas').count()).toBeGreaterThan(0));
    await eventually(async () =>
      expect(await page.getByRole('link', { name: 'Trace' }).count()).toBeGreaterThanOrEqual(4),
    );
    await page.getByText('malformed-json').first().waitFor();
    await page.getByText('connected', { exact: true }).first().waitFor();
    await page.getByRole('cell', { name: '2 – 4' }).waitFor();
  });

  test('ten thousand: a few rows exist at a time, the end is reached by scrolling', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { page } = viewer;
    await page.route('**/api/v1/devices?*', (route) => {
      const query = new URL(route.request().url()).searchParams;
      return route.fulfill({ json: pageOf(Number(query.get('cursor') ?? 0), Number(query.get('limit'))) });
    });
    await viewer.visit('/devices');
    const rows = page.locator('table.devices tbody tr[aria-rowindex]');
    await page.getByRole('region', { name: 'Devices, scrolls' }).focus();
    await eventually(async () => {
      await page.keyboard.press('End');
      expect(await page.getByText('device-09999').count()).toBe(1);
    });
    expect(await rows.count()).toBeLessThan(100);
    expect(await rows.last().getAttribute('aria-rowindex')).toBe(String(MANY + 1));
    await page.keyboard.press('Home');
    await page.getByText('device-00000').waitFor();
  });
});

function pageOf(from: number, limit: number): DevicesPage {
  const to = Math.min(MANY, from + limit);
  const devices = Array.from({ length: to - from }, (_, index) => deviceRow(from + index));
  const counts = { all: MANY, connected: MANY, silent: 0, refused: 0, 'turned-away': 0, 'off-clock': 0 };
  return { devices, counts, total: MANY, next: to < MANY ? String(to) : null };
}

function deviceRow(number: number): DeviceRow {
  return {
    id: `device-${String(number).padStart(5, '0')}`,
    connected: true,
    protocol: '5',
    address: '127.0.0.1',
    lastSeenAt: Date.now(),
    accepted: number,
    refused: 0,
    refusedByReason: {},
    turnedAway: 0,
    turnedAwayByReason: {},
    clockSkewMs: null,
    silentSince: null,
    refusedSince: null,
    source: null,
  };
}
