import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FieldValue, Reading } from '#contract/reading.ts';
import { hasCode } from '#runtime/errors.ts';
import type {
  Point,
  PointField,
  RejectedPoint,
  StoredReading,
  TelemetryStore,
  WriteOutcome,
} from './telemetry-store.ts';

/** One store, as the suite uses it: it keeps `RETENTION_DAYS`. */
export interface TelemetryStoreUnderTest {
  readonly store: TelemetryStore;
  /** Another handle on the same store, beside the first one, for reading. */
  openBeside(): Promise<TelemetryStore>;
  /** After `store` was closed. */
  dispose(): Promise<void>;
}

export const RETENTION_DAYS = 7;

export interface TelemetryStoreSuiteOptions {
  /** How many random histories of writes are tried. */
  readonly histories: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * What every driver of the telemetry store promises, run against each of them. Measurements and devices have random
 * names, so that tests do not meet each other's points.
 */
export function describeTelemetryStore(
  name: string,
  create: () => Promise<TelemetryStoreUnderTest>,
  { histories }: TelemetryStoreSuiteOptions,
): void {
  describe(`telemetry store: ${name}`, () => {
    let subject: TelemetryStoreUnderTest;
    let store: TelemetryStore;
    /** A whole hour well inside the retention. */
    const start = Math.floor((Date.now() - DAY_MS) / 3_600_000) * 3_600_000;

    beforeAll(async () => {
      subject = await create();
      store = subject.store;
    }, 180_000);
    afterAll(async () => {
      await store.close();
      await subject.dispose();
    }, 60_000);

    const writeAll = async (points: readonly Point[]): Promise<void> => {
      expect(await store.write(points)).toEqual({ kind: 'written', rejected: [] });
    };
    const scanned = async (deviceIds: readonly string[], fromMs = 0, toMs = start + 365 * DAY_MS) =>
      (await Array.fromAsync(store.scan({ fromMs, toMs, deviceIds }))).sort(byDeviceAndTime);

    describe('write', () => {
      test('[P3] the same points again change nothing', async () => {
        const { measurement, device } = names();
        const points = range(100).map((i) =>
          point(measurement, device, start + i, { temperature: i / 8 }, i),
        );
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
        expect(await store.latest(device, 10)).toEqual([
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
        const [reading] = await store.latest(device, 10);
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
        expect(await store.latest(device, 10)).toEqual(expected);
        expect(await scanned([device])).toEqual(
          expected.toReversed().map((reading) => ({ deviceId: device, ...reading })),
        );
      });

      test('a point of a measurement that is not its type is read as the reading it was', async () => {
        const { measurement, device } = names();
        const named = point(measurement, device, start, { temperature: 20 }, 1);
        const fields = [...named.fields, { name: 'schemaType', kind: 'string', value: 'oven' } as const];
        await writeAll([{ ...named, fields, tags: [['site', 'south']] }]);
        expect(await store.latest(device, 10)).toEqual([
          { schema: 'oven/1', ts: start, seq: 1, values: { temperature: 20 } },
        ]);
      });

      test('says which fields it holds, and in which kind; tags are none', async () => {
        const { measurement, device } = names();
        await writeAll([
          { ...point(measurement, device, start, { temperature: 20 }, 1), tags: [['site', 'a']] },
        ]);
        const held = (await store.fields()).filter((field) => field.measurement === measurement);
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
                write.map(({ device, at, values }) =>
                  point(measurement, deviceOf(device), start + at, values),
                ),
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
        expect(await store.write(points, AbortSignal.abort())).toMatchObject(abandoned);
        expect(await scanned([device])).toEqual([]);
        const controller = new AbortController();
        const writing = store.write(points, controller.signal);
        controller.abort();
        expect(await writing).toMatchObject(abandoned);
        await writeAll(points);
        expect(await scanned([device])).toHaveLength(2_000);
      });
    });

    describe('values come back as they were written', () => {
      const cases: readonly [string, PointField['kind'], FieldValue][] = [
        ['a float that happens to be whole', 'float', 21],
        ['a float after it', 'float', 21.53],
        ['a negative float', 'float', -0.1],
        ['the shortest text of a float', 'float', 0.1 + 0.2],
        ['a tiny float', 'float', 5e-324],
        ['a small float', 'float', 1.5e-7],
        ['the largest float the contract accepts', 'float', Number.MAX_SAFE_INTEGER],
        ['an integer', 'integer', 17],
        ['zero', 'integer', 0],
        ['the largest integer', 'integer', Number.MAX_SAFE_INTEGER],
        ['the smallest integer', 'integer', Number.MIN_SAFE_INTEGER],
        ['true', 'boolean', true],
        ['false', 'boolean', false],
        ['an empty string', 'string', ''],
        ['quotes', 'string', `"double" 'single' \`back\` ""`],
        ['backslashes', 'string', 'C:\\new\\table\\" \\\\ \\'],
        ['commas, spaces, equal signs', 'string', ' a=1,b = 2 , # no comment '],
        ['line breaks and tabs', 'string', 'a\nb\r\nc\rd\te\n\n'],
        ['unicode', 'string', 'Grüße 温度 😀 \u2028 \u0001 é'],
        ['what looks like line protocol', 'string', 'x",other=1i 0\nm,device=a x=1 1'],
        ['a long string', 'string', 'x'.repeat(60_000)],
      ];
      test.each(cases)('%s', async (_, kind, value) => {
        const { measurement, device } = names();
        await writeAll([
          {
            measurement,
            deviceId: device,
            timestamp: start,
            fields: [VERSION_1, { name: 'value', kind, value }],
          },
        ]);
        expect((await store.latest(device, 1))[0]?.values).toEqual({ value });
        expect((await scanned([device]))[0]?.values).toEqual({ value });
      });

      test('a reading with its sequence number and a later version of its schema', async () => {
        const { measurement, device } = names();
        const reading: Reading = {
          schema: `${measurement}/12`,
          ts: start,
          seq: 9_000_000_000,
          values: { a: 1 },
        };
        await writeAll([{ ...point(measurement, device, start, { a: 1 }, 9_000_000_000, 12) }]);
        expect(await store.latest(device, 1)).toEqual([reading]);
      });

      test('values in the order of their names', async () => {
        const { measurement, device } = names();
        await writeAll([point(measurement, device, start, { zeta: 1, Alpha: 2, beta: 3, alpha: 4 }, 1)]);
        const expected = '{"Alpha":2,"alpha":4,"beta":3,"zeta":1}';
        expect(JSON.stringify((await store.latest(device, 1))[0]?.values)).toBe(expected);
        expect(JSON.stringify((await scanned([device]))[0]?.values)).toBe(expected);
      });

      test('device ids of all allowed characters, none taken for another', async () => {
        const { measurement } = names();
        const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-';
        const ids = [
          letters.slice(0, 33),
          letters.slice(33),
          'a.b',
          'aXb',
          'a',
          'A',
          '..',
          '-',
          '9'.repeat(64),
        ];
        await writeAll(ids.map((id, i) => point(measurement, id, start + i, { x: i })));
        for (const [i, id] of ids.entries()) {
          const ours = (await store.latest(id, 100)).filter(({ schema }) => schema === `${measurement}/1`);
          expect(ours.map(({ ts }) => ts)).toEqual([start + i]);
        }
        const found = (await scanned(ids)).filter(({ schema }) => schema === `${measurement}/1`);
        expect(found.map(({ deviceId }) => deviceId)).toEqual(ids.toSorted());
      });

      test('points without a schema version, which other programs write, are no readings', async () => {
        const { measurement, device } = names();
        const foreign = {
          measurement,
          deviceId: device,
          fields: [{ name: 'x', kind: 'float', value: 1 }],
        } as const;
        await writeAll(range(20).map((i) => ({ ...foreign, timestamp: start + i })));
        await writeAll([point(measurement, device, start - 1, { x: 2 })]);
        expect((await store.latest(device, 5)).map(({ ts }) => ts)).toEqual([start - 1]);
        expect((await scanned([device])).map(({ ts }) => ts)).toEqual([start - 1]);
      });
    });

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
        const rejected = rejectedOf(await store.write(points));
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
          const rejected = rejectedOf(await store.write(points));
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
        const rejected = rejectedOf(await store.write(points));
        expect(rejected.map(({ index }) => index)).toEqual([...bad]);
        expect(await scanned([device], start)).toHaveLength(300 - bad.size);
      });

      test('[P5] a point is refused as a whole: none of its fields is stored', async () => {
        const { measurement, device } = names();
        await writeAll([point(measurement, device, start, { temperature: 20 })]);
        const bad = text(measurement, device, 1);
        const fields = [...bad.fields, { name: 'humidity', kind: 'float', value: 40 } as const];
        expect(rejectedOf(await store.write([{ ...bad, fields }]))).toHaveLength(1);
        expect(await scanned([device])).toHaveLength(1);
      });

      test('a whole batch can be refused', async () => {
        const { measurement, device } = names();
        await writeAll([point(measurement, device, start - 1, { temperature: 20 })]);
        const rejected = rejectedOf(await store.write(range(2_000).map((i) => text(measurement, device, i))));
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
        const rejected = rejectedOf(await store.write(points));
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
        const rejected = rejectedOf(await store.write(points));
        expect(rejected.map(({ index }) => index)).toEqual([20]);
        expect(rejected[0]?.reason).not.toBe('');
        expect(await scanned([device])).toHaveLength(49);
      });
    });

    describe('latest', () => {
      test('newest first over all types of a device, at most as many as asked for', async () => {
        const { measurement, device } = names();
        const types = [measurement, `${measurement}-b`, `${measurement}-c`];
        const points = range(300).map((i) => point(types[i % 3] as string, device, start + i, { x: i }, i));
        await writeAll(points.toReversed());
        await writeAll([point(measurement, `${device}-other`, start + 1_000, { x: 1 })]);
        const latest = await store.latest(device, 7);
        expect(latest.map(({ ts }) => ts)).toEqual(range(7).map((i) => start + 299 - i));
        expect(latest[0]).toEqual({ schema: `${types[2]}/1`, ts: start + 299, seq: 299, values: { x: 299 } });
        expect(await store.latest(device, 10_000)).toHaveLength(300);
      });

      test('readings from the future, as clocks of devices have them, count', async () => {
        const { measurement, device } = names();
        const ahead = Date.now() + 4 * 60_000;
        await writeAll([
          point(measurement, device, start, { x: 1 }),
          point(measurement, device, ahead, { x: 2 }),
        ]);
        expect((await store.latest(device, 10)).map(({ ts }) => ts)).toEqual([ahead, start]);
      });

      test.each(['nobody', '', `x' OR device <> '`, '") |> drop()', '\\', "';--", 'x\ny', 'ü'])(
        'nothing for a device that is not there: %j',
        async (device) => {
          expect(await store.latest(device, 10)).toEqual([]);
          expect(await scanned([device])).toEqual([]);
        },
      );

      test('is seen by others as soon as the write resolved', async () => {
        const { measurement, device } = names();
        await using beside = await subject.openBeside();
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
        for await (const reading of store.scan({ fromMs: start, toMs: start + 10_000 })) {
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
        for await (const _ of store.scan({ fromMs: 0, toMs: start + DAY_MS, deviceIds: [device] })) {
          if (++seen === 10) break;
        }
        expect(await store.ping()).toBe(true);
      });
    });

    describe('life', () => {
      test('answers', async () => {
        expect(await store.ping()).toBe(true);
      });

      test('after close nothing is accepted, and closing again is harmless', async () => {
        const beside = await subject.openBeside();
        expect(await beside.ping()).toBe(true);
        await beside.close();
        await beside.close();
        expect(await beside.ping()).toBe(false);
        await expect(beside.latest('dev-1', 1)).rejects.toSatisfy((error) => hasCode(error, 'closed'));
        await expect(Array.fromAsync(beside.scan({ fromMs: 0, toMs: 1 }))).rejects.toSatisfy((error) =>
          hasCode(error, 'closed'),
        );
      });
    });
  });
}

const VERSION_1: PointField = { name: 'schemaVersion', kind: 'integer', value: 1 };

/** A point as the pipeline writes it, all its values floats. */
export function point(
  measurement: string,
  deviceId: string,
  timestamp: number,
  values: Readonly<Record<string, number>>,
  seq?: number,
  version = 1,
): Point {
  const fields: PointField[] = [{ ...VERSION_1, value: version }];
  if (seq !== undefined) fields.push({ name: 'seq', kind: 'integer', value: seq });
  for (const [name, value] of Object.entries(values)) fields.push({ name, kind: 'float', value });
  return { measurement, deviceId, timestamp, fields };
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

export function rejectedOf(outcome: WriteOutcome): readonly RejectedPoint[] {
  if (outcome.kind !== 'written') throw new Error(`not written: ${JSON.stringify(outcome)}`);
  return outcome.rejected;
}

/** A measurement and a device that no other test uses. */
export function names(): { readonly measurement: string; readonly device: string } {
  const id = randomBytes(6).toString('hex');
  return { measurement: `type-${id}`, device: `device-${id}` };
}

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

function byDeviceAndTime(a: StoredReading, b: StoredReading): number {
  if (a.deviceId !== b.deviceId) return a.deviceId < b.deviceId ? -1 : 1;
  return a.ts - b.ts;
}
