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

    // The store cannot be asked: nobody says that it holds nothing.
    await page.route('**/api/v1/devices/dev-1', async (route) => {
      const story = await console.get<object>('/devices/dev-1');
      await route.fulfill({ json: { ...story, gaps: null, schemas: [] } });
    });
    await page.getByText('The store cannot be asked.').waitFor();
    expect(await page.locator('.chart canvas').count(), 'what was there stays').toBeGreaterThan(0);
    await page.reload();
    await eventually(async () => expect(await page.getByText('The store cannot be asked.').count()).toBe(2));
    expect(await page.getByText('No value of it is in the store').count()).toBe(0);
  });

  test('the search follows the address, and a page that cannot be had is asked for once', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    viewer.expectComplaints(/status of 503/);
    const { page } = viewer;
    let failing = false;
    const asked: number[] = [];
    await page.route('**/api/v1/devices?*', (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = Number(query.get('cursor') ?? 0);
      if (from > 0) asked.push(from);
      if (failing)
        return route.fulfill({ status: 503, json: { error: { code: 'away', message: 'It is away.' } } });
      return route.fulfill({ json: pageOf(from, Number(query.get('limit'))) });
    });
    await viewer.visit('/devices?search=device');
    const search = page.getByRole('searchbox');
    expect(await search.inputValue()).toBe('device');
    await page.getByRole('navigation').getByRole('link', { name: 'Devices' }).click();
    await eventually(async () => expect(await search.inputValue()).toBe(''));
    expect(new URL(page.url()).search).toBe('');
    await viewer.settled();

    failing = true;
    asked.length = 0;
    await page.getByRole('region', { name: 'Devices, scrolls' }).focus();
    await page.keyboard.press('End');
    await page.getByText('It is away.').waitFor();
    // Each message of the flow draws the page anew.
    await page.getByText('Live', { exact: true }).waitFor();
    for (let turn = 0; turn < 5; turn++) await page.keyboard.press('PageUp');
    // A list that was slow to scroll is asked for what lies between, too.
    expect(asked).not.toEqual([]);
    expect(asked).toEqual([...new Set(asked)]);
    failing = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('It is away.').waitFor({ state: 'detached' });

    failing = true;
    await search.fill('other');
    await page.getByText('This did not work').waitFor();
    expect(await page.locator('table.devices').count(), 'no list of another question').toBe(0);
  });

  test('whoever looks may have a clock that is a day off', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await page.addInitScript('{ const now = Date.now; Date.now = () => now() + 86_400_000; }');
    await console.publish('dev-1', goodReading(0));
    await eventually(async () => expect(await console.metric('writer_readings_stored_total')).toBe(1));
    await viewer.visit('/devices');
    await page.getByText(/^(just now|\d+ (s|min) ago)$/).waitFor();
    await page.getByRole('link', { name: 'dev-1' }).click();
    await eventually(async () => expect(await page.locator('.chart canvas').count()).toBeGreaterThan(0));
  });

  test('values that are huge, always the same or alone are drawn, and those of 200 fields only where one looks', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('dev-1', goodReading(0));
    await eventually(async () => expect(await console.metric('writer_readings_stored_total')).toBe(1));
    const values: Record<string, readonly number[]> = {
      huge: [1e300, -1e300, 1.7e308, -1.7e308],
      same: [21.5, 21.5, 21.5],
      tiny: [1e-300, 2e-300],
      alone: [12_345_678_901],
      none: [],
      ...Object.fromEntries(Array.from({ length: 195 }, (_, place) => [`field${place}`, [place, place + 1]])),
    };
    const fields = Object.entries(values).map(([field, column]) => ({
      field,
      unit: null,
      times: column.map((_, place) => 1_764_000_000 + 10 * place),
      values: column,
    }));
    await page.route('**/charts?*', (route) =>
      route.fulfill({ json: { schema: 'environment/1', fields, truncated: true } }),
    );
    await viewer.visit('/devices/dev-1');
    await page.getByText('12,345,678,901').first().waitFor();
    await page.getByText('nothing in the newest part of this span').waitFor();
    await eventually(async () => expect(await page.locator('.chart canvas').count()).toBeGreaterThan(3));
    expect(await page.locator('.chart').count()).toBe(200);
    expect(await page.locator('.chart canvas').count()).toBeLessThan(60);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
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
    // A browser that is still on its way to the end may take no notice of the first.
    await eventually(async () => {
      await page.keyboard.press('Home');
      expect(await page.getByText('device-00000').count()).toBe(1);
    });
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
