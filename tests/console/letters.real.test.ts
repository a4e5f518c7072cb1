import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { LettersPage } from '#console/api/dead-letters.ts';
import type { DeviceReadings } from '#console/api/devices.ts';
import { heldLog } from '#console/server/testing/held-log.ts';
import { goodReading, TestConsole } from '#console/server/testing/test-console.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const chromium = inject('chromium');
const TS = Date.now();
const HOT = `{"schema":"environment/1","ts":${TS},"seq":7,"values":{"temperature":"21.53","humidity":44.1}}`;

describe.skipIf(missingReason(chromium))('dead letters in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('a letter is seen, its fault marked; it is mended, checked, submitted, and its reading found by its trace', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('dev-1', HOT);
    await viewer.visit('/');
    await page.getByRole('link', { name: /^Dead letters: 1 waiting/ }).click();
    await page.getByRole('region', { name: 'Dead letters, scrolls' }).getByText('must be number').click();
    await page.getByRole('heading', { name: /^Letter/ }).waitFor();
    const marks = () => page.locator('.payload mark').allInnerTexts();
    await eventually(async () => expect(await marks()).toEqual(['"21.53"']));

    await page.getByRole('button', { name: 'Correct and submit' }).click();
    const payload = page.getByLabel('Corrected payload');
    await payload.fill(HOT.replace('"21.53"', '"hot"'));
    await page.getByRole('button', { name: 'Check' }).click();
    await page
      .locator('.job')
      .getByText(/^It is refused: .*must be number/)
      .waitFor();
    await payload.fill(HOT.replace('"21.53"', '21.53'));
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.locator('.page-head').getByText('recovered').waitFor();
    await eventually(async () => {
      const { readings } = await console.get<DeviceReadings>('/devices/dev-1/readings?limit=5');
      expect(readings).toMatchObject([{ seq: 7, values: { temperature: 21.53 } }]);
    });
    await page.getByRole('link', { name: 'Trace seq 7' }).click();
    await page.locator('.way-stored').waitFor();
  });

  test('letters whose reason is gone are replayed, after a dry run that changes nothing', async () => {
    await using before = await TestConsole.start({ writes: false });
    await before.publish('dev-1', `{"schema":"greenhouse/1","ts":${TS},"seq":3,"values":{"light":18250}}`);
    using schemas = folderWith('greenhouse/1.json', {
      type: 'object',
      properties: { light: { type: 'number', 'x-unit': 'lx' } },
      additionalProperties: false,
    });
    await using viewer = await ConsoleInBrowser.open(browser, {
      parts: { eventLog: before.eventLog, store: before.store },
      contract: { schemaDir: schemas.path },
    });
    const { console, page } = viewer;
    await viewer.visit('/dead-letters');
    await page.getByRole('link', { name: 'unknown-schema' }).click();
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.locator('.job').getByRole('button', { name: 'Close' }).click();
    const { letters } = await console.get<LettersPage>('/dead-letters?limit=5');
    expect(letters).toMatchObject([{ status: 'pending' }]);

    await page.getByRole('button', { name: 'Replay…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await page.getByText('No letter is like this').waitFor();
    await eventually(async () => {
      const { readings } = await console.get<DeviceReadings>('/devices/dev-1/readings?limit=5');
      expect(readings).toMatchObject([{ schema: 'greenhouse/1', seq: 3, values: { light: 18250 } }]);
    });
  });

  test('chosen letters are dismissed after a question, and undone', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('dev-1', 'no JSON', goodReading(0));
    await console.publish('dev-2', 'nor this');
    await viewer.visit('/dead-letters?reason=malformed-json');
    const rows = page.getByRole('region', { name: 'Dead letters, scrolls' }).getByRole('row');
    await eventually(async () => expect(await rows.count()).toBe(3));
    await page
      .getByRole('checkbox', { name: /^Choose letter/ })
      .first()
      .check();
    await page.getByRole('button', { name: 'Dismiss…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    expect(await rows.count()).toBe(3);
    await page.getByRole('button', { name: 'Dismiss…' }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Dismiss' }).press('Enter');
    await eventually(async () => expect(await rows.count()).toBe(2));
    // Who works by keys goes on where the result stands.
    await page.locator('.job:focus').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.getByRole('button', { name: 'Undo' }).evaluate((it) => it.matches(':focus'))).toBe(
      true,
    );
    await page.keyboard.press('Enter');
    await eventually(async () => expect(await rows.count()).toBe(3));
    expect(console.audited.map(({ event }) => event)).not.toEqual([]);
  });

  test('what a filter leaves is not known until it is answered: nothing can be changed meanwhile', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    viewer.expectComplaints(/status of 503/);
    const { console, page } = viewer;
    await console.publish('dev-1', 'no JSON', 'nor this');
    await viewer.visit('/dead-letters?reason=malformed-json');
    await page.getByText('all 2 letters of this filter').waitFor();
    await page.route('**/api/v1/dead-letters?*', (route) =>
      route.fulfill({ status: 503, json: { error: { code: 'away', message: 'It is away.' } } }),
    );
    await page.getByLabel('Reason').selectOption('unknown-schema');
    await page.getByText('It is away.').waitFor();
    for (const name of ['Dry run', 'Replay…', 'Dismiss…'])
      expect(await page.getByRole('button', { name }).isDisabled(), name).toBe(true);
    expect(await page.getByRole('region', { name: 'Dead letters, scrolls' }).count()).toBe(0);
    await page.unroute('**/api/v1/dead-letters?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('No letter is like this').waitFor();
  });

  test('what one changes another sees, live, and after loading the page anew; and can stop it', async () => {
    await using before = await TestConsole.start({ writes: false });
    await before.publish('dev-1', ...Array.from({ length: 300 }, () => 'no JSON'));
    const { eventLog, goOn } = heldLog(before.eventLog, before.topics.deadLetterState, 100);
    await using viewer = await ConsoleInBrowser.open(browser, { parts: { eventLog, store: before.store } });
    viewer.expectComplaints(/ERR_/);
    const { console, page, wire } = viewer;
    const colleague = await viewer.colleague();
    for (const who of [page, colleague]) {
      await who.goto('/dead-letters?reason=malformed-json');
      await who.getByText('all 300 letters of this filter').waitFor();
    }
    await page.getByRole('button', { name: 'Replay…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    const begun = /^Replay, begun .* from 127\.0\.0\.1$/;
    await colleague.getByText(begun).waitFor();
    expect(await colleague.getByRole('button', { name: 'Dismiss…' }).isDisabled()).toBe(true);
    for (const who of [page, colleague])
      await who
        .getByText(/^Nothing came of it for .*: it looks for more, or the event log does not answer/)
        .waitFor();

    await wire.cut();
    await page.getByText(/^The connection is cut; it goes on in the server/).waitFor();
    await wire.restore();
    await page.getByText(/^Nothing came of it for/).waitFor();
    await page.reload();
    await page.getByText(begun).waitFor();

    await colleague.getByRole('button', { name: 'Stop' }).click();
    await eventually(() => expect(console.audited.map(({ event }) => event)).toContain('console interrupt'));
    goOn();
    for (const who of [page, colleague]) {
      await who.getByText(/^Stopped\. .* do it once more for the rest\.$/).waitFor();
      await who.getByRole('button', { name: 'Show what is there now' }).click();
      await who.locator('.job').waitFor({ state: 'detached' });
    }
    expect(console.audited.map(({ event }) => event)).toEqual([
      'console replay',
      'console interrupt',
      'console replay ended',
    ]);
  });

  test('what one did stays, and can be undone, when another changes letters; dry runs go on meanwhile', async () => {
    await using before = await TestConsole.start({ writes: false });
    await before.publish('dev-1', 'no JSON', 'nor this');
    const { eventLog, goOn } = heldLog(before.eventLog, before.topics.deadLetterState, 1);
    await using viewer = await ConsoleInBrowser.open(browser, { parts: { eventLog, store: before.store } });
    const { page } = viewer;
    const colleague = await viewer.colleague();
    await viewer.visit('/dead-letters?reason=malformed-json');
    await page
      .getByRole('checkbox', { name: /^Choose letter/ })
      .first()
      .check();
    await page.getByRole('button', { name: 'Dismiss…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Dismiss' }).click();
    const undo = page.getByRole('button', { name: 'Undo' });
    await undo.waitFor();

    await colleague.goto('/dead-letters?reason=malformed-json');
    await colleague.getByRole('button', { name: 'Replay…' }).click();
    await colleague.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await page.getByText(/^Replay, begun /).waitFor();
    await page.getByText('1 letter dismissed.').waitFor();
    expect(await undo.isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Replay…' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText(/^Dry run, nothing was changed/).waitFor();
    goOn();
    await page.getByRole('button', { name: 'Show what is there now' }).waitFor();
  });

  test('a letter that somebody else saw to meanwhile is not handed in twice, and what was typed stays', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('dev-1', HOT);
    const colleague = await viewer.colleague();
    const mended = HOT.replace('"21.53"', '21.53');
    for (const who of [page, colleague]) {
      await who.goto('/dead-letters/0-0');
      await who.getByRole('button', { name: 'Correct and submit' }).click();
      await who.getByLabel('Corrected payload').fill(mended.replace('44.1', who === page ? '45' : '46'));
    }
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.locator('.page-head').getByText('recovered').waitFor();
    await colleague.getByText('It is recovered meanwhile: nothing more can be handed in for it.').waitFor();
    expect(await colleague.getByRole('button', { name: 'Submit', exact: true }).isDisabled()).toBe(true);
    expect(await colleague.getByLabel('Corrected payload').inputValue()).toContain('46');
    await colleague.getByRole('button', { name: 'Leave it as it is' }).click();
    await colleague.getByLabel('Corrected payload').waitFor({ state: 'detached' });
    await eventually(async () => {
      const { readings } = await console.get<DeviceReadings>('/devices/dev-1/readings?limit=5');
      expect(readings).toMatchObject([{ seq: 7, values: { humidity: 45 } }]);
    });
  });

  test('filters stand in the address, and a group leads to its letters', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish('dev-1', 'no JSON', HOT);
    await viewer.visit('/dead-letters');
    await page
      .getByRole('region', { name: 'What is wrong, scrolls' })
      .getByRole('link', { name: 'malformed-json' })
      .click();
    await eventually(() => expect(new URL(page.url()).search).toBe('?reason=malformed-json'));
    await page.getByLabel('Device').fill('dev-1');
    await page.getByLabel('Device').press('Enter');
    await eventually(() => expect(new URL(page.url()).search).toBe('?reason=malformed-json&device=dev-1'));
    await page.getByRole('link', { name: 'Clear' }).click();
    await eventually(() => expect(new URL(page.url()).search).toBe(''));
    await page.goBack();
  });
});

function folderWith(file: string, content: unknown): Disposable & { readonly path: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'console-schemas-'));
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), JSON.stringify(content));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
