import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import type { Point, StoredReading, TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { openEmbeddedTelemetryStore } from './embedded-telemetry-store.ts';
import { rebuildStore } from './rebuild-store.ts';
import { storeFileIn } from './store-file.ts';

/*
 * Aim: whatever page of the store's file is lost, the points on all others are read, new ones can be written, and what
 * was lost is told.
 * Method: two measurements of different columns, some columns added later; each page of a copy is overwritten in turn.
 */
const PAGE_BYTES = 4096;
const TIMES = 300;
const MOST_ON_ONE_PAGE = 140;
const NOW = Date.now();

let original: string;
let folder: string;
let points = 0;

beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), 'damaged-store-'));
  const store = await open(original);
  for (const device of ['dev-1', 'dev-2', 'dev-3'])
    for (let from = 0; from < TIMES; from += 50) {
      const batch = Array.from({ length: 50 }, (_, i) => [
        environment(device, from + i),
        meter(device, from + i),
      ]);
      expect(await store.write(batch.flat())).toEqual({ kind: 'written', rejected: [] });
      points += 100;
    }
  await store.close();
  const database = new DatabaseSync(storeFileIn(original));
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
});
afterAll(() => rmSync(original, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'damaged-store-copy-'));
  const made = folder;
  onTestFinished(() => rmSync(made, { recursive: true }));
});

function environment(deviceId: string, time: number): Point {
  const fields = [
    { name: 'temperature', kind: 'float' as const, value: time / 2 },
    { name: 'label', kind: 'string' as const, value: `point ${time}` },
    { name: 'schemaVersion', kind: 'integer' as const, value: 1 },
    // A column that is added later.
    ...(time < 10 ? [] : [{ name: 'door open', kind: 'boolean' as const, value: time % 2 === 0 }]),
  ];
  return { measurement: 'environment', deviceId, timestamp: NOW - 1_000_000 + time, fields };
}

function meter(deviceId: string, time: number): Point {
  const fields = [
    { name: 'energyTotal', kind: 'integer' as const, value: time },
    { name: 'power', kind: 'float' as const, value: 1.5 * time },
    { name: 'schemaVersion', kind: 'integer' as const, value: 1 },
  ];
  return { measurement: 'meter', deviceId, timestamp: NOW - 1_000_000 + time, fields };
}

async function open(dataDir: string, metrics = new Registry()): Promise<TelemetryStore> {
  const store = await openEmbeddedTelemetryStore(
    { dataDir, retentionDays: 30 },
    { log: createLogger({ name: 'test', level: 'silent' }), metrics, now: Date.now },
  );
  return store;
}

function damagedCopy(page: number, bytes: Uint8Array): string {
  const file = storeFileIn(folder);
  for (const ending of ['-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });
  copyFileSync(storeFileIn(original), file);
  overwrite(file, (page - 1) * PAGE_BYTES, bytes);
  return file;
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

/** Every reading is one that was written. @returns how many are there. */
function verify(readings: readonly StoredReading[]): number {
  for (const { deviceId, ts, values, schema } of readings) {
    const time = ts - NOW + 1_000_000;
    const written = schema.startsWith('environment') ? environment(deviceId, time) : meter(deviceId, time);
    for (const { name, value } of written.fields)
      if (name !== 'schemaVersion') expect(values[name]).toBe(value);
  }
  return readings.length;
}

const scan = (store: TelemetryStore) => Array.fromAsync(store.scan({ fromMs: 0, toMs: NOW }));
const GARBAGE = (page: number): Buffer =>
  Buffer.from(Array.from({ length: PAGE_BYTES }, (_, i) => (i * 31 + page * 17) ^ (i >> 3)));

describe.each([
  ['zeros', () => Buffer.alloc(PAGE_BYTES)],
  ['garbage', GARBAGE],
])('any page of the store full of %s', (_, bytes) => {
  test('[P2] the points on all others are in a store made anew', () => {
    const pages = statSync(storeFileIn(original)).size / PAGE_BYTES;
    const failures: string[] = [];
    let told = 0;
    for (let page = 1; page <= pages; page++) {
      try {
        const file = damagedCopy(page, bytes(page));
        const to = `${file}.new`;
        for (const ending of ['', '-wal', '-shm']) rmSync(`${to}${ending}`, { force: true });
        const rebuilt = rebuildStore(file, to);
        if (rebuilt.points < points - MOST_ON_ONE_PAGE)
          throw new Error(`${rebuilt.points} of ${points} points`);
        if (rebuilt.lostPoints > 0) throw new Error(`${rebuilt.lostPoints} points without a place`);
        if (rebuilt.points < points && rebuilt.lostPages.length === 0) throw new Error('not told');
        told += rebuilt.lostPages.length;
      } catch (error) {
        failures.push(`page ${page}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(told).toBeGreaterThan(0);
  });
});

describe('[P2] a damaged store', () => {
  const damages: [string, (file: string) => void][] = [
    ['whose first page is lost', (file) => overwrite(file, 0, Buffer.alloc(PAGE_BYTES, 0xee))],
    ['with a page lost in the middle', (file) => overwrite(file, 12 * PAGE_BYTES, Buffer.alloc(PAGE_BYTES))],
    ['that was cut', (file) => truncateSync(file, statSync(file).size - 3 * PAGE_BYTES - 100)],
  ];
  test.each(damages)(
    '%s: what is left is read as it was written, and new points are stored',
    async (_, damage) => {
      damage(damagedCopy(1, new Uint8Array(0)));
      const metrics = new Registry();
      await using store = await open(folder, metrics);
      // In places all over the file: what is damaged shows when something is written or read there.
      const fresh = ['dev-0', 'dev-1', 'dev-2', 'dev-3', 'dev-4'].map((device) => environment(device, TIMES));
      expect(await store.write(fresh)).toEqual({ kind: 'written', rejected: [] });
      const found = verify(await scan(store));
      expect(found).toBeGreaterThan(points - 4 * MOST_ON_ONE_PAGE);
      expect((await store.latest('dev-4', 5)).length).toBe(1);
      expect(await metrics.metrics()).toContain('telemetry_store_rebuilt_total 1');
      expect(readdirSync(folder).filter((name) => name.includes('.damaged-'))).not.toEqual([]);
    },
  );

  test('of which nothing is left: points are stored in a new one', async () => {
    writeFileSync(storeFileIn(folder), GARBAGE(1));
    await using store = await open(folder);
    expect(await store.write([environment('dev-1', 1)])).toEqual({ kind: 'written', rejected: [] });
    expect(verify(await scan(store))).toBe(1);
  });

  test('that is damaged while it is open', async () => {
    damagedCopy(1, new Uint8Array(0));
    await using store = await open(folder);
    expect(verify(await scan(store))).toBe(points);
    overwrite(storeFileIn(folder), 8 * PAGE_BYTES, Buffer.alloc(10 * PAGE_BYTES, 0xee));
    for (let time = TIMES; time < TIMES + 5; time++)
      for (const device of ['dev-1', 'dev-2', 'dev-3', 'dev-9'])
        expect(await store.write([environment(device, time)])).toEqual({ kind: 'written', rejected: [] });
    const readings = await scan(store);
    verify(readings);
    expect(readings.filter(({ ts }) => ts >= NOW - 1_000_000 + TIMES)).toHaveLength(20);
  });
});
