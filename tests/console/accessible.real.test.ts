import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { goodReading } from '#console/server/testing/test-console.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { contrastFaults } from './contrast.ts';
import { launchBrowser } from './launch-browser.ts';

const chromium = inject('chromium');
const PHONE = { width: 320, height: 640 };
const PAGES = [
  '/',
  '/devices',
  '/devices/dev-1',
  '/dead-letters',
  '/trace?device=dev-1&seq=0',
  '/schemas',
  '/schemas/environment/1',
  '/mappings',
];

describe.skipIf(missingReason(chromium))('the console for everybody', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  const withOneLetter = async (viewer: ConsoleInBrowser): Promise<void> => {
    await viewer.console.publish('dev-1', goodReading(0), 'no JSON');
    await eventually(async () => expect(await viewer.console.metric('writer_readings_stored_total')).toBe(1));
  };

  test('by keyboard alone: to the letter, through the question, and back', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { page } = viewer;
    await withOneLetter(viewer);
    await viewer.visit('/');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await eventually(async () => expect(await page.evaluate('document.activeElement.id')).toBe('main'));

    await tabTo(page, /^Dead letters: /);
    expect(await page.evaluate('document.activeElement.matches(":focus-visible")')).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Dead letters' }).waitFor();
    await eventually(async () => expect(await page.evaluate('document.activeElement.id')).toBe('main'));
    await viewer.settled();
    await tabTo(page, /^Letter \d/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /^Letter/ }).waitFor();
    await viewer.settled();

    await tabTo(page, /^Dismiss…/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let turn = 0; turn < 6; turn++) {
      expect(
        await page.evaluate(
          'document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)',
        ),
      ).toBe(true);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused(page)).toMatch(/^Dismiss…/);
  });

  test.each(['light', 'dark'] as const)('%s: all text has a contrast of 4.5 or more', async (colorScheme) => {
    await using viewer = await ConsoleInBrowser.open(browser, {}, { colorScheme });
    await withOneLetter(viewer);
    for (const path of PAGES) {
      await viewer.visit(path);
      expect(await viewer.page.evaluate(contrastFaults), path).toEqual([]);
    }
  });

  test('on a phone nothing is wider than the screen', async () => {
    await using viewer = await ConsoleInBrowser.open(browser, {}, { viewport: PHONE });
    await withOneLetter(viewer);
    for (const path of PAGES) {
      await viewer.visit(path);
      expect(await viewer.page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(
        PHONE.width,
      );
    }
  });

  test('every page has one heading of the first level, a title, named controls and tables with heads', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { page } = viewer;
    await withOneLetter(viewer);
    for (const path of PAGES) {
      await viewer.visit(path);
      expect(await page.locator('h1').count(), path).toBe(1);
      expect(await page.title(), path).toMatch(/ · Telemetry console$/);
      expect(await page.locator('table:not(:has(th))').count(), path).toBe(0);
      for (const role of ['button', 'link', 'textbox', 'combobox', 'checkbox'] as const) {
        const unnamed = page.getByRole(role, { name: /^$/ });
        expect(await unnamed.count(), `${path}: ${role} without a name`).toBe(0);
      }
    }
  });
});

async function focused(page: Page): Promise<string> {
  return (await page.evaluate(
    '(document.activeElement.getAttribute("aria-label") ?? document.activeElement.innerText ?? "").trim()',
  )) as string;
}

async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let turn = 0; turn < 80; turn++) {
    if (name.test(await focused(page))) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`80 times Tab, and nothing called ${name}`);
}
