import { describe, expect, test } from 'vitest';
import { hasCode } from '#runtime/errors.ts';
import type { StoredReading } from '#telemetry-store/telemetry-store.ts';
import { names, point, range } from './points.ts';
import { DAY_MS, type StoreUnderTest } from './store-under-test.ts';

/** What is asked of a store, and its end. */
export function describeReading(under: StoreUnderTest): void {
  const { start, writeAll, scanned } = under;

  describe('latest', () => {
    test('newest first over all types of a device, at most as many as asked for', async () => {
      const { measurement, device } = names();
      const types = [measurement, `${measurement}-b`, `${measurement}-c`];
      const points = range(300).map((i) => point(types[i % 3] as string, device, start + i, { x: i }, i));
      await writeAll(points.toReversed());
      await writeAll([point(measurement, `${device}-other`, start + 1_000, { x: 1 })]);
      const latest = await under.store.latest(device, 7);
      expect(latest.map(({ ts }) => ts)).toEqual(range(7).map((i) => start + 299 - i));
      expect(latest[0]).toEqual({ schema: `${types[2]}/1`, ts: start + 299, seq: 299, values: { x: 299 } });
      expect(await under.store.latest(device, 10_000)).toHaveLength(300);
    });

    test('readings from the future, as clocks of devices have them, count', async () => {
      const { measurement, device } = names();
      const ahead = Date.now() + 4 * 60_000;
      await writeAll([
        point(measurement, device, start, { x: 1 }),
        point(measurement, device, ahead, { x: 2 }),
      ]);
      expect((await under.store.latest(device, 10)).map(({ ts }) => ts)).toEqual([ahead, start]);
    });

    test.each(['nobody', '', `x' OR device <> '`, '") |> drop()', '\\', "';--", 'x\ny', 'ü'])(
      'nothing for a device that is not there: %j',
      async (device) => {
        expect(await under.store.latest(device, 10)).toEqual([]);
        expect(await scanned([device])).toEqual([]);
      },
    );

    test('is seen by others as soon as the write resolved', async () => {
      const { measurement, device } = names();
      await using beside = await under.subject.openBeside();
      for (const i of range(5)) {
        // A field more each time: what the other one knows of the store grows old.
        await writeAll([point(measurement, device, start + i, { [`field${i}`]: i })]);
        const [reading] = await beside.latest(device, 1);
        expect(reading).toMatchObject({ ts: start + i, values: { [`field${i}`]: i } });
      }
    });
  });

  describe('scan', () => {
    test('from the first time on, before the second', async () => {
      const { measurement, device } = names();
      await writeAll(range(10).map((i) => point(measurement, device, start + i, { x: i })));
      const found = await scanned([device], start + 3, start + 7);
      expect(found.map(({ ts }) => ts - start)).toEqual([3, 4, 5, 6]);
      expect(await scanned([device], start + 10, start + 20)).toEqual([]);
      expect(await scanned([device], 0, Number.MAX_SAFE_INTEGER)).toHaveLength(10);
    });

    test('thousands of readings of many devices and types, each once', async () => {
      const { measurement } = names();
      const devices = range(250).map((i) => `${measurement}-${i}`);
      const points = range(10_000).map((i) => {
        const type = i % 5 === 0 ? `${measurement}-rare` : measurement;
        return point(type, devices[i % devices.length] as string, start + i, { x: i }, i);
      });
      await writeAll(points.slice(0, 5_000));
      await writeAll(points.slice(5_000));
      const expected = points.map(({ deviceId, timestamp }) => `${deviceId} ${timestamp}`).sort();
      const idOf = ({ deviceId, ts }: StoredReading) => `${deviceId} ${ts}`;
      expect((await scanned(devices)).map(idOf).sort()).toEqual(expected);
      const ours = [];
      for await (const reading of under.store.scan({ fromMs: start, toMs: start + 10_000 })) {
        if (reading.deviceId.startsWith(`${measurement}-`)) ours.push(idOf(reading));
      }
      expect(ours.sort()).toEqual(expected);
      expect(await scanned(devices.slice(0, 3))).toHaveLength(120);
      expect(await scanned([])).toEqual([]);
    });

    test('more readings of one device than a page holds, and stopping in the middle', async () => {
      const { measurement, device } = names();
      for (const part of range(3)) {
        await writeAll(
          range(3_000).map((i) => point(measurement, device, start + part * 3_000 + i, { x: i })),
        );
      }
      expect(await scanned([device])).toHaveLength(9_000);
      let seen = 0;
      for await (const _ of under.store.scan({ fromMs: 0, toMs: start + DAY_MS, deviceIds: [device] })) {
        if (++seen === 10) break;
      }
      expect(await under.store.trouble()).toBeUndefined();
    });
  });

  describe('life', () => {
    test('answers', async () => {
      expect(await under.store.trouble()).toBeUndefined();
    });

    test('after close nothing is accepted, and closing again is harmless', async () => {
      const beside = await under.subject.openBeside();
      expect(await beside.trouble()).toBeUndefined();
      await beside.close();
      await beside.close();
      expect(await beside.trouble()).toEqual(expect.any(String));
      await expect(beside.latest('dev-1', 1)).rejects.toSatisfy((error) => hasCode(error, 'closed'));
      await expect(Array.fromAsync(beside.scan({ fromMs: 0, toMs: 1 }))).rejects.toSatisfy((error) =>
        hasCode(error, 'closed'),
      );
    });
  });
}
