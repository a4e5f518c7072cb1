import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredReading } from '#telemetry-store/telemetry-store.ts';
import { names, point, range } from './points.ts';
import { byDeviceAndTime, type StoreUnderTest } from './store-under-test.ts';

const history = fc.array(
  fc.array(
    fc.record({
      device: fc.nat(2),
      at: fc.nat(4),
      values: fc.dictionary(
        fc.constantFrom('a', 'b', 'c'),
        fc.integer({ min: -99, max: 99 }).map((n) => n / 4),
        {
          minKeys: 1,
        },
      ),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  { minLength: 1, maxLength: 4 },
);

/** What a write promises. */
export function describeWrite(under: StoreUnderTest): void {
  const { start, histories, writeAll, scanned } = under;

  describe('write', () => {
    test('[P3] the same points again change nothing', async () => {
      const { measurement, device } = names();
      const points = range(100).map((i) => point(measurement, device, start + i, { temperature: i / 8 }, i));
      await writeAll(points);
      const before = await scanned([device]);
      await writeAll(points);
      await writeAll(points.slice(20, 60));
      expect(before).toHaveLength(100);
      expect(await scanned([device])).toEqual(before);
    });

    test('[P3] fields of the same identity merge over several writes; the last value of a field wins', async () => {
      const { measurement, device } = names();
      await writeAll([point(measurement, device, start, { temperature: 20, humidity: 40 }, 1)]);
      await writeAll([point(measurement, device, start, { humidity: 41, pressure: 1013.25 })]);
      await writeAll([point(measurement, device, start, { temperature: 22.5 })]);
      expect(await under.store.latest(device, 10)).toEqual([
        {
          schema: `${measurement}/1`,
          ts: start,
          seq: 1,
          values: { temperature: 22.5, humidity: 41, pressure: 1013.25 },
        },
      ]);
    });

    test('[P3] also within one write', async () => {
      const { measurement, device } = names();
      await writeAll([
        point(measurement, device, start, { temperature: 20, humidity: 40 }),
        point(measurement, device, start, { temperature: 21 }),
        point(measurement, device, start, { pressure: 1000 }),
      ]);
      const [reading] = await under.store.latest(device, 10);
      expect(reading?.values).toEqual({ temperature: 21, humidity: 40, pressure: 1000 });
    });

    test('[P3] tags are no values, and a point that is written again with others is one reading', async () => {
      const { measurement, device } = names();
      const first = point(measurement, device, start, { temperature: 20 }, 1);
      const second = point(measurement, device, start + 1, { temperature: 21 }, 2);
      const tags = [
        ['line', 'a,b c="d"'],
        ['site', 'Größe'],
      ] as const;
      await writeAll([
        { ...first, tags },
        { ...second, tags },
      ]);
      await writeAll([{ ...first, tags: [['site', 'south']] }, second]);
      const expected = [1, 0].map((n) => ({
        schema: `${measurement}/1`,
        ts: start + n,
        seq: n + 1,
        values: { temperature: 20 + n },
      }));
      expect(await under.store.latest(device, 10)).toEqual(expected);
      expect(await scanned([device])).toEqual(
        expected.toReversed().map((reading) => ({ deviceId: device, ...reading })),
      );
    });

    test('a point of a measurement that is not its type is read as the reading it was', async () => {
      const { measurement, device } = names();
      const named = point(measurement, device, start, { temperature: 20 }, 1);
      const fields = [...named.fields, { name: 'schemaType', kind: 'string', value: 'oven' } as const];
      await writeAll([{ ...named, fields, tags: [['site', 'south']] }]);
      expect(await under.store.latest(device, 10)).toEqual([
        { schema: 'oven/1', ts: start, seq: 1, values: { temperature: 20 } },
      ]);
    });

    test('says which fields it holds, and in which kind; tags are none', async () => {
      const { measurement, device } = names();
      await writeAll([
        { ...point(measurement, device, start, { temperature: 20 }, 1), tags: [['site', 'a']] },
      ]);
      const held = (await under.store.fields()).filter((field) => field.measurement === measurement);
      expect(held.map(({ name, kind }) => `${name} ${kind}`).sort()).toEqual([
        'schemaVersion integer',
        'seq integer',
        'temperature float',
      ]);
    });

    test('[P3] any history of writes ends as its points merged in order', async () => {
      await fc.assert(
        fc.asyncProperty(history, async (writes) => {
          const { measurement } = names();
          const deviceOf = (device: number) => `${measurement}-${device}`;
          const expected = new Map<string, StoredReading>();
          for (const write of writes) {
            await writeAll(
              write.map(({ device, at, values }) => point(measurement, deviceOf(device), start + at, values)),
            );
            for (const { device, at, values } of write) {
              const id = `${device} ${at}`;
              expected.set(id, {
                deviceId: deviceOf(device),
                schema: `${measurement}/1`,
                ts: start + at,
                values: { ...expected.get(id)?.values, ...values },
              });
            }
          }
          const devices = [0, 1, 2].map(deviceOf);
          expect(await scanned(devices)).toEqual([...expected.values()].sort(byDeviceAndTime));
        }),
        { numRuns: histories },
      );
    });

    test('concurrent writes of one device all arrive', async () => {
      const { measurement, device } = names();
      await Promise.all(
        range(8).map((writer) =>
          writeAll(range(50).map((i) => point(measurement, device, start + writer * 50 + i, { x: i }))),
        ),
      );
      expect(await scanned([device])).toHaveLength(400);
    });

    test('nothing to write is written', async () => {
      await writeAll([]);
    });

    test('an abandoned write says so, and may be repeated', async () => {
      const { measurement, device } = names();
      const points = range(2_000).map((i) => point(measurement, device, start + i, { temperature: i }));
      const abandoned = { kind: 'retry', cause: 'aborted' };
      expect(await under.store.write(points, AbortSignal.abort())).toMatchObject(abandoned);
      expect(await scanned([device])).toEqual([]);
      const controller = new AbortController();
      const writing = under.store.write(points, controller.signal);
      controller.abort();
      expect(await writing).toMatchObject(abandoned);
      await writeAll(points);
      expect(await scanned([device])).toHaveLength(2_000);
    });
  });
}
