import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedPart, cacheFolder, isCached } from './cache.ts';

let cacheDir: string;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'cache-test-'));
});

afterEach(async () => {
  await rm(cacheDir, { recursive: true });
});

test('those who need a part at the same time get one build of it', async () => {
  let builds = 0;
  const part = {
    name: 'thing-1.0',
    build: async (target: string) => {
      builds += 1;
      await writeFile(join(target, 'thing'), 'built');
    },
  };
  expect(isCached(part, cacheDir)).toBe(false);

  const folders = await Promise.all([1, 2, 3].map(() => cachedPart(part, { cacheDir })));

  expect(builds).toBe(1);
  expect(isCached(part, cacheDir)).toBe(true);
  expect(new Set(folders)).toEqual(new Set([join(cacheDir, 'thing-1.0')]));
  expect(await readFile(join(cacheDir, 'thing-1.0', 'thing'), 'utf8')).toBe('built');
});

test('a build that fails leaves no part and nothing half built, and the next one may succeed', async () => {
  let attempts = 0;
  const part = {
    name: 'thing-2.0',
    build: async (target: string) => {
      attempts += 1;
      await writeFile(join(target, `attempt-${attempts}`), '');
      if (attempts === 1) throw new Error('no network');
    },
  };
  await expect(cachedPart(part, { cacheDir })).rejects.toThrow('no network');
  expect(isCached(part, cacheDir)).toBe(false);
  const folder = await cachedPart(part, { cacheDir });
  expect(await readdir(folder)).toEqual(['attempt-2']);
});

test('the folder is the one named by the environment, else the usual cache of the user', () => {
  expect(cacheFolder({ PIPELINE_SERVICES_CACHE: '/parts', XDG_CACHE_HOME: '/cache' })).toBe('/parts');
  expect(cacheFolder({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/iot-telemetry-pipeline');
});
