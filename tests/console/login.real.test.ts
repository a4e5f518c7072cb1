import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { goodReading } from '#console/server/testing/test-console.ts';
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
    expect(await page.getByText('environment/1').count(), 'nor in the page').toBe(0);
    expect((await page.request.get('/api/v1/flow')).status()).toBe(401);
  });

  test('a login that ends in the middle of a correction leaves what was typed, and does nothing by itself', async () => {
    await using viewer = await ConsoleInBrowser.open(browser, { password: PASSWORD });
    viewer.expectComplaints(/^Failed to load resource: the server responded with a status of 401/);
    const { console, page } = viewer;
    const logIn = async (): Promise<void> => {
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Log in' }).click();
    };
    const hot = goodReading(7).replace('21.5', '"hot"');
    await console.publish('dev-1', hot);
    await page.goto('/dead-letters/0-0');
    await logIn();
    await page.getByRole('button', { name: 'Correct and submit' }).click();
    const mended = hot.replace('"hot"', '19.25');
    await page.getByLabel('Corrected payload').fill(mended);
    const [cookie] = await page.context().cookies();
    await console.ask('/api/v1/session', {
      method: 'DELETE',
      headers: { cookie: `${cookie?.name}=${cookie?.value}` },
    });
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await logIn();
    await page.getByText('The login was over: nothing was done.').waitFor();
    expect(await page.getByLabel('Corrected payload').inputValue()).toBe(mended);
    const states = async () => (await page.request.get('/api/v1/dead-letters?state=all')).json();
    expect(await states()).toMatchObject({ letters: [{ status: 'pending' }] });
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.locator('.page-head').getByText('recovered').waitFor();
  });
});
