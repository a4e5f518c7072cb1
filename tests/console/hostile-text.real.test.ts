import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { LettersPage } from '#console/api/dead-letters.ts';
import { RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const SCRIPT = '<script>document.title="owned"</script><img src=x onerror=alert(1)>';
const TURNED = '\u202egnp.exe\u2066';
const TERMINAL = '\u001b]0;owned\u0007\u001b[31m';
const HOSTILE = `${SCRIPT}${TURNED}${TERMINAL}`;
const chromium = inject('chromium');

describe.skipIf(missingReason(chromium))('hostile text in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('payloads, fields and ids are text in every view, with all that is hidden in them shown', async () => {
    await using viewer = await ConsoleInBrowser.open(browser);
    const { console, page } = viewer;
    const inJson = JSON.stringify(HOSTILE);
    await console.publish(
      'dev-1',
      `{"schema":"environment/1","ts":${Date.now()},"seq":1,"values":{${inJson}:1,"temperature":1}}`,
      `{"schema":${inJson},"ts":${Date.now()},"seq":2,"values":{}}`,
      HOSTILE,
    );
    await turnedAway(console.mqttPort, HOSTILE);
    const { letters } = await console.get<LettersPage>('/dead-letters?limit=50');
    expect(letters).toHaveLength(3);

    const views = [
      '/',
      '/devices',
      `/devices?${new URLSearchParams({ search: HOSTILE })}`,
      '/devices/dev-1',
      `/devices/${encodeURIComponent(HOSTILE)}`,
      '/dead-letters',
      `/dead-letters?${new URLSearchParams({ device: HOSTILE, schema: HOSTILE, reason: HOSTILE })}`,
      ...letters.map(({ id }) => `/dead-letters/${id}`),
      `/dead-letters/${encodeURIComponent(HOSTILE)}`,
      '/trace?device=dev-1&seq=2',
      `/trace?${new URLSearchParams({ device: HOSTILE, seq: HOSTILE })}`,
      '/schemas',
      `/schemas/${encodeURIComponent(HOSTILE)}`,
      `/${encodeURIComponent(HOSTILE)}`,
    ];
    // What the server refuses of these the browser reports, too.
    viewer.expectComplaints(/^Failed to load resource: the server responded with a status of 4\d\d/);
    for (const view of views) {
      await viewer.visit(view);
      expect(await page.title(), view).not.toBe('owned');
      expect(await page.locator('#console script, #console img, #console [onerror]').count(), view).toBe(0);
      expect(hiddenIn((await page.locator('#console').textContent()) ?? ''), view).toEqual([]);
    }
    await viewer.visit(`/dead-letters/${letters[0]?.id}`);
    const shown = await page.locator('.payload').first().textContent();
    expect(shown).toContain('<script>');
    expect(shown).toMatch(/⟨U\+202E⟩gnp\.exe|\\u202e/);
  });
});

/** Tries to connect under an id that no device may have. */
async function turnedAway(port: number, id: string): Promise<void> {
  const client = await RawClient.open(port);
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId: id,
  });
  await client.closed;
}

/** What a browser does not draw, or what turns its neighbours around; line ends of a payload are neither. */
function hiddenIn(text: string): string[] {
  return [...text].filter(
    (character) => /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(character) && character !== '\n',
  );
}
