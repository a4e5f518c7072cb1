import { describe, expect, test } from 'vitest';
import type { FieldValue } from '#contract/reading.ts';
import type { Point, PointField } from '#telemetry-store/telemetry-store.ts';
import { names, point, range, rejectedOf, VERSION_1 } from './points.ts';
import { DAY_MS, RETENTION_DAYS, type StoreUnderTest } from './store-under-test.ts';

/** Points that the store does not take, each alone. */
export function describeRefusals(under: StoreUnderTest): void {
  const { start, writeAll, scanned } = under;

  describe('points that the store does not take', () => {
    const text = (measurement: string, device: string, at: number): Point => ({
      measurement,
      deviceId: device,
      timestamp: start + at,
      fields: [VERSION_1, { name: 'temperature', kind: 'string', value: 'hot' }],
    });

    test('[P5] one of 5,000 with another type is refused alone, in the words of the store', async () => {
      const { measurement, device } = names();
      await writeAll([point(measurement, device, start - 1, { temperature: 20 })]);
      const points = range(5_000).map((i) =>
        i === 3_217
          ? text(measurement, device, i)
          : point(measurement, device, start + i, { temperature: i }),
      );
      const rejected = rejectedOf(await under.store.write(points));
      expect(rejected.map(({ index }) => index)).toEqual([3_217]);
      expect(rejected[0]?.reason).toContain(
        `field type conflict: input field "temperature" on measurement "${measurement}" is type string, already exists as type float`,
      );
      const stored = await scanned([device], start);
      expect(stored.map(({ ts }) => ts)).toEqual(
        range(5_000).flatMap((i) => (i === 3_217 ? [] : [start + i])),
      );
    });

    test('[P5] the first kind of a field is kept, whichever kind it is', async () => {
      const kinds: readonly [PointField['kind'], FieldValue][] = [
        ['integer', 1],
        ['float', 1],
        ['boolean', true],
        ['string', '1'],
      ];
      for (const [first, firstValue] of kinds) {
        const { measurement, device } = names();
        const points = [[first, firstValue] as const, ...kinds].map(([kind, value], i) => ({
          measurement,
          deviceId: device,
          timestamp: start + i,
          fields: [VERSION_1, { name: 'x', kind, value }],
        }));
        await writeAll(points.slice(0, 1));
        const rejected = rejectedOf(await under.store.write(points));
        const others = kinds.flatMap(([kind], i) => (kind === first ? [] : [i + 1]));
        expect(rejected.map(({ index }) => index)).toEqual(others);
      }
    });

    test('[P5] several bad ones, of several causes, among good ones of the same devices', async () => {
      const { measurement, device } = names();
      const other = `${measurement}-other`;
      await writeAll([
        point(measurement, device, start - 1, { temperature: 20 }),
        point(other, device, start - 1, { temperature: 20 }),
      ]);
      const bad = new Set([0, 5, 6, 130, 299]);
      const points = range(300).map((i) => {
        const type = i % 2 === 0 ? measurement : other;
        return bad.has(i) ? text(type, device, i) : point(type, device, start + i, { temperature: i });
      });
      const rejected = rejectedOf(await under.store.write(points));
      expect(rejected.map(({ index }) => index)).toEqual([...bad]);
      expect(await scanned([device], start)).toHaveLength(300 - bad.size);
    });

    test('[P5] a point is refused as a whole: none of its fields is stored', async () => {
      const { measurement, device } = names();
      await writeAll([point(measurement, device, start, { temperature: 20 })]);
      const bad = text(measurement, device, 1);
      const fields = [...bad.fields, { name: 'humidity', kind: 'float', value: 40 } as const];
      expect(rejectedOf(await under.store.write([{ ...bad, fields }]))).toHaveLength(1);
      expect(await scanned([device])).toHaveLength(1);
    });

    test('a whole batch can be refused', async () => {
      const { measurement, device } = names();
      await writeAll([point(measurement, device, start - 1, { temperature: 20 })]);
      const rejected = rejectedOf(
        await under.store.write(range(2_000).map((i) => text(measurement, device, i))),
      );
      expect(rejected.map(({ index }) => index)).toEqual(range(2_000));
      for (const { reason } of rejected) expect(reason).toContain('field type conflict');
      expect(await scanned([device], start)).toEqual([]);
    });

    test('[P5] points older than the retention', async () => {
      const { measurement, device } = names();
      const old = start - (RETENTION_DAYS + 30) * DAY_MS;
      const points = range(100).map((i) => {
        const timestamp = i % 10 === 3 ? old + i : start + i;
        return point(measurement, device, timestamp, { temperature: i });
      });
      const rejected = rejectedOf(await under.store.write(points));
      expect(rejected.map(({ index }) => index)).toEqual(range(10).map((i) => 10 * i + 3));
      for (const { reason } of rejected) expect(reason).toMatch(/retention policy/);
      expect(await scanned([device])).toHaveLength(90);
    });

    test.each([
      ['float', Number.NaN],
      ['float', Number.POSITIVE_INFINITY],
      ['integer', 1e300],
      ['integer', 1.5],
    ] as const)('[P5] a number that no store can hold: %s %d', async (kind, value) => {
      const { measurement, device } = names();
      const points = range(50).map((i) =>
        i === 20
          ? {
              ...point(measurement, device, start + i, {}),
              fields: [VERSION_1, { name: 'x', kind, value }],
            }
          : point(measurement, device, start + i, { temperature: i }),
      );
      const rejected = rejectedOf(await under.store.write(points));
      expect(rejected.map(({ index }) => index)).toEqual([20]);
      expect(rejected[0]?.reason).not.toBe('');
      expect(await scanned([device])).toHaveLength(49);
    });
  });
}
