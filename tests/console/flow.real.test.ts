import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { goodReading } from '#console/server/testing/test-console.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const KIB = 1_024;
/** Of all that a first visit fetches, compressed, headers not counted. */
const MAX_WEIGHT = 200 * KIB;
const chromium = inject('chromium');

describe.skipIf(missingReason(chromium))('the flow in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('its numbers are those of /metrics', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    await console.publish(
      'dev-1',
      goodReading(0),
      goodReading(1, Date.now() + 1),
      goodReading(2, Date.now() + 2),
      'no JSON',
    );
    await console.publish('dev-2', goodReading(0));
    await viewer.visit('/');

    const rows = async (): Promise<string[][]> => {
      const texts = await page.locator('.book').allInnerTexts();
      return texts.map((text) =>
        text.split('\n').map((line) =>
          line
            .replace(/\s+/g, ' ')
            .replace(/closes/, ' closes')
            .replace(/ +/g, ' ')
            .trim(),
        ),
      );
    };
    await eventually(async () => {
      const [decoded, appended, stored, letters] = await Promise.all([
        console.metric('ingest_readings_decoded_total'),
        console.metric('ingest_readings_appended_total'),
        console.metric('writer_readings_stored_total'),
        console.metric('ingest_dead_letters_total'),
      ]);
      expect({ decoded, appended, stored, letters }).toEqual({
        decoded: 5,
        appended: 4,
        stored: 4,
        letters: 1,
      });
      expect(await rows()).toEqual([
        ['Gateway closes', 'decoded 5', '=appended 4', '+dead-lettered 1', '+unconfirmed 0'],
        ['Writer closes', 'consumed 4', '=stored 4', '+dead-lettered 0'],
      ]);
    });
    await eventually(async () =>
      expect(await page.getByRole('link', { name: /^Devices: 2 connected/ }).count()).toBe(1),
    );
    await eventually(async () =>
      expect(await page.getByRole('link', { name: 'Dead letters: 1 waiting' }).count()).toBe(1),
    );
  });

  test('what is wrong stands at the top in words, with its runbook, and in its place of the diagram', async () => {
    // Nobody writes: the records wait.
    await using viewer = await ConsoleInBrowser.open(browser, { writes: false });
    await viewer.console.publish('dev-1', goodReading(0));
    const { page } = viewer;
    let isOfRules = true;
    await page.route('**/api/v1/flow/events', async (route) => {
      const flow = await viewer.console.get<object>('/flow');
      const problem = {
        name: 'ConsumerStalled',
        severity: 'critical',
        sentence: 'telemetry-writer does not move, 1 record waits',
        since: Date.now() - 1_000,
        runbook: '/runbooks/ConsumerStalled.md',
      };
      const frozen = { name: 'writer-1:8081', up: false, detail: 'writer-1:8081 does not answer: timeout' };
      const shown = { ...flow, problems: isOfRules ? [problem] : [], targets: isOfRules ? [] : [frozen] };
      const event = `event: flow\ndata: ${JSON.stringify(shown)}\n\n`;
      await route.fulfill({ contentType: 'text/event-stream', body: event });
    });
    await page.goto('/');
    const problems = page.getByRole('region', { name: 'Problems' });
    await problems.getByText('telemetry-writer does not move').waitFor();
    expect(await problems.getByRole('link', { name: 'What to do' }).getAttribute('href')).toBe(
      '/runbooks/ConsumerStalled.md',
    );
    expect((await page.request.get('/runbooks/ConsumerStalled.md')).status()).toBe(200);
    await page.getByRole('link', { name: /^Writer: .*critical problem here$/ }).waitFor();

    isOfRules = false;
    await problems.getByText('writer-1:8081 does not answer: timeout; its numbers are missing').waitFor();
    expect(await page.getByText('Nothing is wrong.').count()).toBe(0);
  });

  test('a viewer whose connection is cut is told so, and comes back', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    viewer.expectComplaints(
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/,
    );
    const { page, wire, console } = viewer;
    await viewer.visit('/');
    await wire.cut();
    await page.getByText(/^Numbers of \d\d:\d\d:\d\d; reconnecting…$/).waitFor();
    await console.publish('dev-1', goodReading(0));
    expect(await page.getByRole('link', { name: /^Devices: 0 connected/ }).count()).toBe(1);
    await wire.restore();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('link', { name: /^Devices: 1 connected/ }).waitFor();
  });

  test('a page that nobody can see holds no connection, and is live again once it is seen', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { page, console } = viewer;
    await viewer.visit('/');
    const hide = (hidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });` +
          `document.dispatchEvent(new Event('visibilitychange'));`,
      );
    await eventually(async () => expect(await console.metric('console_viewers')).toBe(1));
    await hide(true);
    await eventually(async () => expect(await console.metric('console_viewers')).toBe(0));
    await hide(false);
    await eventually(async () => expect(await console.metric('console_viewers')).toBe(1));
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test('a first visit weighs less than 200 KiB and asks nobody else', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { page, wire } = viewer;
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    let weight = 0;
    const hosts = new Set<string>();
    session.on('Network.loadingFinished', ({ encodedDataLength }) => {
      weight += encodedDataLength;
    });
    page.on('request', (request) => hosts.add(new URL(request.url()).origin));
    await viewer.visit('/');
    expect(weight).toBeGreaterThan(20 * KIB);
    expect(weight).toBeLessThan(MAX_WEIGHT);
    expect([...hosts]).toEqual([wire.url]);
  });
});
