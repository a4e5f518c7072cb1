import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
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

const pointOfMany: fc.Arbitrary<Point> = fc
  .record({
    device: fc.nat(8),
    kind: fc.nat(2),
    timestamp: fc.nat(40),
    temperature: fc.nat(100),
    more: fc.subarray(['humidity', 'pressure']),
  })
  .map(({ device, kind, timestamp, temperature, more }) => ({
    ...point(
      timestamp,
      temperature,
      more.map((name) => ({ name, kind: 'float', value: temperature + 1 }) as const),
    ),
    measurement: `kind${kind}`,
    deviceId: `d${device}`,
  }));

test('[P2] [P3] points of many devices, measurements and shapes: each is stored as the last of its identity says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(pointOfMany, { minLength: 1, maxLength: 400 }), { maxLength: 3 }),
      (batches) => {
        const database = open();
        const expected = new Map<string, Record<string, unknown>>();
        for (const points of batches) {
          for (const { measurement, deviceId, timestamp, fields } of points) {
            const key = `${deviceId} ${measurement} ${timestamp}`;
            const values = Object.fromEntries(fields.slice(1).map(({ name, value }) => [name, value]));
            expected.set(key, { ...expected.get(key), ...values });
          }
          expect(database.write({ batch: batchOfPoints(points), oldestMs: 0 })).toEqual([]);
        }
        const { readings } = database.scan({ fromMs: 0, toMs: 100, pageReadings: 10_000 });
        const stored = readings.map(({ deviceId, schema, ts, values }) => [
          `${deviceId} ${schema.split('/')[0]} ${ts}`,
          values,
        ]);
        expect(Object.fromEntries(stored)).toEqual(Object.fromEntries(expected));
        expect(stored).toHaveLength(expected.size);
      },
    ),
    { numRuns: 20 },
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
