import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { TestConsole } from '#console/server/testing/test-console.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import { readPageFiles } from './page-files.ts';

test('the page weighs less than 200 KiB on the wire, all of it', async () => {
  const files = [...(await readPageFiles())].filter(([url]) => !url.startsWith('/runbooks/'));
  const bytes = files.reduce((sum, [, { bodies }]) => sum + bodies.gzip.length, 0);
  expect(bytes).toBeLessThan(200 * 1024);
  expect(files.length, 'what a first visit asks for').toBeLessThan(12);
});

test('a module has no types, and no import that a browser could not follow', async () => {
  const files = await readPageFiles();
  for (const [url, { type, bodies }] of files) {
    if (!type.startsWith('text/javascript')) continue;
    const imports = [
      ...bodies.identity.toString().matchAll(/^\s*(?:import|export)\s[^'";]*?from\s*["']([^"']+)["']/gm),
    ];
    for (const [, name = ''] of imports) {
      expect(name, url).toMatch(/^\.?\//);
      expect([...files.keys()], url).toContain(new URL(name, `http://page${url}`).pathname);
    }
  }
});

test('every style sheet is in the one that the page asks for, in the order of the page', async () => {
  const files = await readPageFiles();
  const page = files.get('/')?.bodies.identity.toString() ?? '';
  expect(page.match(/rel="stylesheet" href="[^"]+"/g)).toEqual(['rel="stylesheet" href="/page/styles.css"']);
  const sheet = files.get('/page/styles.css')?.bodies.identity.toString() ?? '';
  const folder = path.join(import.meta.dirname, '..', '..', 'page', 'styles');
  for (const name of readdirSync(folder))
    expect(sheet, name).toContain(readFileSync(path.join(folder, name), 'utf8'));
  expect(sheet).toMatch(/^:root/m);
  expect(sheet.indexOf('@media (max-width')).toBeGreaterThan(sheet.length / 2);
});

test('what the page shares with the pipeline is the same list, and is asked for at once', async () => {
  const files = await readPageFiles();
  const url = '/contract/reject-reason.ts';
  const script = files.get(url)?.bodies.identity.toString() ?? '';
  const module = await import(`data:text/javascript,${encodeURIComponent(script)}`);
  expect(module.REJECT_REASONS).toEqual(REJECT_REASONS);
  expect(files.get('/')?.bodies.identity.toString()).toContain(`<link rel="modulepreload" href="${url}">`);
});

test('paths of the page answer with it, compressed and with a tag; others are not found', async () => {
  await using console = await TestConsole.start({ writes: false });
  const page = await console.ask('/devices/dev-1');
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.headers.get('content-encoding')).toMatch(/^(br|gzip)$/);
  const tag = page.headers.get('etag') ?? '';
  expect((await console.ask('/', { headers: { 'if-none-match': tag } })).status).toBe(304);
  expect(await page.text()).toContain('<link rel="modulepreload" href="/lib/preact.mjs">');
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none';script-src 'self'/);
  for (const path of [
    '/page/none.ts',
    '/page/page-files.ts',
    '/lib/none.mjs',
    '/contract/limits.ts',
    '/a%70i/none',
    '//metrics',
    '/METRICS',
    '/healthz/',
    '/runbooks/none.md',
  ])
    expect((await console.ask(path)).status, path).toBe(404);
  expect(await (await console.ask('/runbooks/AccountingGap.md')).text()).toMatch(/^# AccountingGap/);
});
