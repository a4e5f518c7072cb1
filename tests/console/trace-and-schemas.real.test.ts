import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { goodReading } from '#console/server/testing/test-console.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const chromium = inject('chromium');

describe.skipIf(missingReason(chromium))('traces and schemas in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('a reading is followed from its device to the store', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('dev-1', goodReading(3));
    await eventually(async () => expect(await console.metric('writer_readings_stored_total')).toBe(1));
    await viewer.visit('/trace');
    await page.getByRole('textbox', { name: 'Device' }).fill('dev-1');
    // The numbers around it change meanwhile.
    await console.publish('dev-2', goodReading(0));
    await page.getByLabel('2 connected').waitFor();
    expect(await page.getByRole('textbox', { name: 'Device' }).inputValue()).toBe('dev-1');
    await page.getByRole('textbox', { name: 'seq' }).fill('3');
    await page.getByRole('button', { name: 'Trace' }).click();
    await page.locator('.way-stored').waitFor();
    expect(await page.locator('.stop-name').allInnerTexts()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Device/),
        expect.stringMatching(/^Event log/),
        expect.stringMatching(/^Store/),
      ]),
    );
    expect(new URL(page.url()).search).toBe('?device=dev-1&seq=3');
    const time = page.locator('.stop time').first();
    expect(await time.getAttribute('title')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC$/);
  });

  test('one that waits is said to be stuck, one that was refused leads to its letter', async () => {
    await using viewer = await ConsoleInBrowser.open(browser, { writes: false });
    const { console, page } = viewer;
    await console.publish(
      'dev-1',
      goodReading(3),
      `{"schema":"nobody/1","ts":${Date.now()},"seq":4,"values":{}}`,
    );
    await viewer.visit('/trace?device=dev-1&seq=3');
    await page.locator('.way-waiting').waitFor();
    await viewer.visit('/trace?device=dev-1&seq=4');
    await page
      .locator('.way-dead-lettered')
      .getByRole('link', { name: /^Letter/ })
      .click();
    await page.getByRole('heading', { name: /^Letter/ }).waitFor();
  });

  test('a type shows its fields; a payload is tried, and the fault marked', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { page } = viewer;
    await viewer.visit('/schemas');
    await page.getByRole('link', { name: 'environment/1' }).click();
    await page.getByRole('cell', { name: '°C' }).waitFor();
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByText('accepted', { exact: true }).waitFor();
    const payload = page.getByRole('textbox', { name: 'Payload' });
    await payload.fill('{"schema":"environment/1","ts":1,"values":{"temperature":"hot","humidity":40}}');
    await page.getByRole('button', { name: 'Try' }).click();
    await eventually(async () =>
      expect(await page.locator('.payload mark').first().textContent()).toBe('"hot"'),
    );
  });

  test('without mappings it is said how they are switched on', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    await viewer.visit('/mappings');
    await viewer.page.getByText('No mapping is switched on').waitFor();
  });
});
