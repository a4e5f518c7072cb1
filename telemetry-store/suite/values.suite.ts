import { describe, expect, test } from 'vitest';
import type { FieldValue, Reading } from '#contract/reading.ts';
import type { PointField } from '#telemetry-store/telemetry-store.ts';
import { names, point, range, VERSION_1 } from './points.ts';
import type { StoreUnderTest } from './store-under-test.ts';

/** Values come back as they were written. */
export function describeValues(under: StoreUnderTest): void {
  const { start, writeAll, scanned } = under;

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
      expect((await under.store.latest(device, 1))[0]?.values).toEqual({ value });
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
      expect(await under.store.latest(device, 1)).toEqual([reading]);
    });

    test('values in the order of their names', async () => {
      const { measurement, device } = names();
      await writeAll([point(measurement, device, start, { zeta: 1, Alpha: 2, beta: 3, alpha: 4 }, 1)]);
      const expected = '{"Alpha":2,"alpha":4,"beta":3,"zeta":1}';
      expect(JSON.stringify((await under.store.latest(device, 1))[0]?.values)).toBe(expected);
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
        const ours = (await under.store.latest(id, 100)).filter(
          ({ schema }) => schema === `${measurement}/1`,
        );
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
      expect((await under.store.latest(device, 5)).map(({ ts }) => ts)).toEqual([start - 1]);
      expect((await scanned([device])).map(({ ts }) => ts)).toEqual([start - 1]);
    });
  });
}
