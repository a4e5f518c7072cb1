import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { missingReason, required } from '#services/provide.ts';
import { ConsoleInBrowser } from './console-in-browser.ts';
import { launchBrowser } from './launch-browser.ts';

const chromium = inject('chromium');
const PASSWORD = 'a long enough one';

describe.skipIf(missingReason(chromium))('the login in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser(required(chromium).command);
  });
  afterAll(() => browser?.close());

  test('nothing is shown before the password, the page that was asked for afterwards, nothing after leaving', async () => {
    await using viewer = await ConsoleInBrowser.open(browser, { password: PASSWORD });
    viewer.expectComplaints(/^Failed to load resource: the server responded with a status of 401/);
    const { page } = viewer;
    await page.goto('/schemas');
    await page.getByLabel('Password').fill('a wrong one, too long');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('This is not the password.').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Schemas' }).waitFor();
    await page.getByText('environment/1').first().waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Password').waitFor();
    expect((await page.request.get('/api/v1/flow')).status()).toBe(401);
  });
});
