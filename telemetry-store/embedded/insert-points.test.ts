import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Point } from '#telemetry-store/telemetry-store.ts';
import { batchOfPoints } from './point-batch.ts';
import { TelemetryDatabase } from './telemetry-database.ts';

function open(): TelemetryDatabase {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'insert-points-'));
  const database = new TelemetryDatabase({ dataDir, role: 'owner' });
  onTestFinished(() => {
    database[Symbol.dispose]();
    rmSync(dataDir, { recursive: true });
  });
  return database;
}

function point(timestamp: number, temperature: number, more: Point['fields'] = []): Point {
  const version = { name: 'schemaVersion', kind: 'integer', value: 1 } as const;
  const fields = [version, { name: 'temperature', kind: 'float', value: temperature } as const, ...more];
  return { measurement: 'environment', deviceId: 'a', timestamp, fields };
}

test('[P3] of points with one identity the last one of the batch wins, also where others have other fields', () => {
  const database = open();
  const humid = [{ name: 'humidity', kind: 'float', value: 40 }] as const;
  const points = Array.from({ length: 100 }, (_, i) => point(i % 40, i, i % 7 === 0 ? humid : []));
  expect(database.write({ batch: batchOfPoints(points), oldestMs: 0 })).toEqual([]);
  const stored = database.latest({ deviceId: 'a', limit: 100 });
  const last = new Map(points.map(({ timestamp, fields }) => [timestamp, fields[1]?.value]));
  expect(new Map(stored.map(({ ts, values }) => [ts, values['temperature']]))).toEqual(
    new Map([...last].sort(([a], [b]) => b - a)),
  );
});

test.each([1, 31, 32, 33, 64, 200])('[P2] all of %d points are stored', (count) => {
  const database = open();
  const points = Array.from({ length: count }, (_, i) => point(i, i));
  expect(database.write({ batch: batchOfPoints(points), oldestMs: 0 })).toEqual([]);
  expect(database.latest({ deviceId: 'a', limit: 1_000 })).toHaveLength(count);
});

test('[P5] a point that cannot be stored is named by its place, and the others are stored', () => {
  const database = open();
  const points = Array.from({ length: 70 }, (_, i) => point(i, i === 45 ? Number.NaN : i));
  expect(database.write({ batch: batchOfPoints(points), oldestMs: 3 })).toMatchObject([
    { index: 0, reason: expect.stringContaining('retention') },
    { index: 1 },
    { index: 2 },
    { index: 45, reason: 'field "temperature" is not a finite number' },
  ]);
  expect(database.latest({ deviceId: 'a', limit: 1_000 })).toHaveLength(66);
});

test('[P5] a measurement that SQLite cannot hold harms only itself, whenever it is tried', () => {
  const database = open();
  const wide = (prefix: string): Point['fields'] =>
    Array.from({ length: 1_000 }, (_, i) => ({ name: `${prefix}${i}`, kind: 'float', value: i }));
  const write = (...points: Point[]) => database.write({ batch: batchOfPoints(points), oldestMs: 0 });
  expect(write(point(1, 1, wide('a')))).toEqual([]);
  for (let i = 0; i < 2; i++) {
    expect(
      write({ ...point(2, 2), measurement: 'Environment' }, point(3, 3), point(4, 4, wide('b')), {
        ...point(5, 5),
        measurement: 'other',
      }),
    ).toEqual([
      { index: 0, reason: expect.stringContaining('"Environment" and "environment"') },
      { index: 2, reason: expect.stringContaining('1000 more do not fit') },
    ]);
  }
  const stored = database.latest({ deviceId: 'a', limit: 10 }).map(({ ts }) => ts);
  expect(stored).toEqual([5, 3, 1]);
});
