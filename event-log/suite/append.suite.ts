import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AppendRecord, RecordPosition } from '#contract/log-record.ts';
import {
  firstOccurrences,
  hex,
  type LogUnderTest,
  numbered,
  place,
  range,
  readAll,
  record,
  text,
  unique,
  valuesByPlace,
} from './log-under-test.ts';

/** What an append promises, and how records come back. */
export function describeAppend(under: LogUnderTest): void {
  const { waitUntil, soon, reopen, createTopic, appendAll, collect, patienceMs } = under;

  describe('append', () => {
    test('[P4] gives each record a position; those of one key share a partition and rise in the order of the calls', async () => {
      const topic = await createTopic();
      const positions = await appendAll(numbered(topic, 'device-1', 500));
      expect(new Set(positions.map((p) => p.partition)).size).toBe(1);
      for (let i = 1; i < positions.length; i++) {
        expect(positions[i]?.offset).toBeGreaterThan(positions[i - 1]?.offset ?? Infinity);
      }
    });

    test('[P1] a record whose append resolved is in the log, at that position, for others and after reopening', async () => {
      const topic = await createTopic();
      const records = range(200).map((i) => record(topic, `device-${i % 7}`, `value ${i}`));
      const positions = await appendAll(records);
      const expected = new Map(records.map((r, i) => [place(positions[i]), text(r.value)]));

      const beside = await under.subject.openBeside();
      onTestFinished(() => beside.close());
      expect(valuesByPlace(await readAll(beside, topic))).toEqual(expected);
      await reopen();
      expect(valuesByPlace(await readAll(under.log, topic))).toEqual(expected);
    });

    test('[P1] tells a caller without a promise the same, and goes on when one of them throws', async () => {
      const topic = await createTopic();
      const uncaught = Promise.withResolvers<unknown>();
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException').once('uncaughtException', uncaught.resolve);
      onTestFinished(() => {
        process.removeAllListeners('uncaughtException');
        for (const listener of listeners) process.on('uncaughtException', listener);
      });
      const told = Promise.withResolvers<RecordPosition>();
      const failed = (error: Error) => told.reject(error);
      const fault = new Error('a fault of the caller');
      const durable = (): void => {
        throw fault;
      };
      under.log.appendFor(record(topic, 'device-1', 'first'), soon(), { durable, failed });
      under.log.appendFor(record(topic, 'device-1', 'second'), soon(), {
        durable: (partition, offset) => told.resolve({ partition, offset }),
        failed,
      });
      const position = await told.promise;
      expect(await uncaught.promise).toBe(fault);
      expect(valuesByPlace(await readAll(under.log, topic)).get(place(position))).toBe('second');
      expect(under.log.health()).toMatchObject({ up: true });

      await under.log.close();
      const late = Promise.withResolvers<unknown>();
      process.once('uncaughtException', late.resolve);
      const afterwards = record(topic, 'device-1', 'late');
      expect(() => under.log.appendFor(afterwards, soon(), { durable, failed: durable })).not.toThrow();
      expect(await late.promise).toBe(fault);
      const code = await new Promise((resolve) =>
        under.log.appendFor(record(topic, 'device-1', 'late'), soon(), {
          durable: () => resolve('durable'),
          failed: (error) => resolve(error.code),
        }),
      );
      expect(code).toBe('closed');
      await reopen();
    });

    test('[P4] keeps the order of each key with many concurrent callers', async () => {
      const topic = await createTopic();
      const perKey = 150;
      await Promise.all(
        range(20).map(async (device) => {
          // Each caller mixes waiting and not waiting, so that batches of every size meet.
          const pending: Promise<unknown>[] = [];
          for (let i = 0; i < perKey; i++) {
            pending.push(under.log.append(record(topic, `device-${device}`, String(i)), soon()));
            if (i % (device + 2) === 0) await pending[i];
          }
          await Promise.all(pending);
        }),
      );
      const byKey = Map.groupBy(await readAll(under.log, topic), (r) => String(r.key));
      expect(byKey.size).toBe(20);
      for (const records of byKey.values()) {
        expect(records.map((r) => Number(text(r.value)))).toEqual(range(perKey));
      }
    });

    test('serves several topics at once', async () => {
      const [one, two] = [await createTopic(), await createTopic()];
      await appendAll(range(100).map((i) => record(i % 3 === 0 ? one : two, 'device', String(i))));
      expect((await readAll(under.log, one)).map((r) => Number(text(r.value)))).toEqual(
        range(100).filter((i) => i % 3 === 0),
      );
      expect((await readAll(under.log, two)).map((r) => Number(text(r.value)))).toEqual(
        range(100).filter((i) => i % 3 !== 0),
      );
    });

    test('[P1] rejects with not-durable at the deadline, and harms no other record', async () => {
      const topic = await createTopic();
      const late = under.log.append(record(topic, 'a', 'too late'), performance.now() - 1);
      const good = under.log.append(record(topic, 'a', 'in time'), soon());
      await expect(late).rejects.toMatchObject({ code: 'not-durable' });
      await expect(good).resolves.toBeDefined();
      expect((await readAll(under.log, topic)).map((r) => text(r.value))).toContain('in time');
    });

    test('[P1] [P4] while the log cannot be written: not-durable after the deadline, then in order again', async () => {
      const topic = await createTopic();
      await appendAll([record(topic, 'a', 'before')]);
      const unblock = await under.subject.blockAppends();
      let outcome = 'pending';
      const given = under.log.append(record(topic, 'a', 'given up'), performance.now() + 500);
      const kept = range(50).map((i) =>
        under.log.append(record(topic, 'a', `kept ${i}`), performance.now() + 10 * patienceMs),
      );
      void Promise.all(kept).then(
        () => (outcome = 'durable'),
        (error: unknown) => (outcome = String(error)),
      );
      try {
        await expect(given).rejects.toMatchObject({ code: 'not-durable' });
        expect(outcome).toBe('pending');
      } finally {
        await unblock();
      }
      await Promise.all(kept);
      const values = firstOccurrences((await readAll(under.log, topic)).map((r) => text(r.value)));
      expect(values.filter((v) => v !== 'given up')).toEqual([
        'before',
        ...range(50).map((i) => `kept ${i}`),
      ]);
      await waitUntil(() => expect(under.log.health()).toMatchObject({ up: true }));
    });

    test('rejects an unknown topic with not-durable, and other topics go on', async () => {
      const topic = await createTopic();
      const unknown = under.log.append(record(unique('never-created'), 'a', 'x'), performance.now() + 500);
      const known = under.log.append(record(topic, 'a', 'y'), soon());
      await expect(known).resolves.toBeDefined();
      await expect(unknown).rejects.toMatchObject({ code: 'not-durable' });
    });
  });

  describe('records', () => {
    test('the value is copied by the call: its memory may be used again at once', async () => {
      const topic = await createTopic();
      const value = Buffer.from('before');
      const appended = under.log.append({ topic, key: 'a', value, headers: {} }, soon());
      value.fill('x');
      await appended;
      expect((await readAll(under.log, topic)).map((r) => String(r.value))).toEqual(['before']);
    });

    test('come back as they were: key, value, headers, and the time the log gave them', async () => {
      const topic = await createTopic();
      const written: AppendRecord[] = [
        record(topic, 'plain', 'value', { readings: '1', 'received-at': '1764000000000' }),
        { topic, key: 'empty', value: new Uint8Array(0), headers: {} },
        { topic, key: 'null', value: null, headers: { 'dlq.reason': 'malformed-json' } },
        { topic, key: 'bytes', value: new Uint8Array(range(256)), headers: { empty: '' } },
        {
          topic,
          key: 'Gerät-🌡️-é-e\u0301-\u0000-\u{10ffff}',
          value: Buffer.from('ß'),
          headers: { 'naïve-ключ': '値 \u0000 🚰' },
        },
        {
          topic,
          key: '__proto__',
          value: Buffer.from('{}'),
          headers: { ['__proto__']: 'x', constructor: 'y' },
        },
        { topic, key: 'large', value: randomBytes(200_000), headers: { large: 'é'.repeat(4_000) } },
        { topic, key: 'view', value: Buffer.from('....view....').subarray(4, 8), headers: {} },
      ];
      const before = Date.now();
      await appendAll(written);
      const group = unique('group');
      const { records } = await collect(topic, group);
      await waitUntil(() => expect(records).toHaveLength(written.length));

      for (const got of [records, await readAll(under.log, topic)]) {
        const byKey = new Map(got.map((r) => [String(r.key), r]));
        for (const expected of written) {
          const actual = byKey.get(expected.key);
          expect(actual?.topic).toBe(topic);
          expect(actual?.value && hex(actual.value)).toEqual(expected.value && hex(expected.value));
          expect(Object.entries(actual?.headers ?? {}).sort()).toEqual(
            Object.entries(expected.headers).sort(),
          );
          expect(actual?.timestamp).toBeGreaterThan(before - 5_000);
          expect(actual?.timestamp).toBeLessThan(Date.now() + 5_000);
        }
      }
      expect(Object.prototype).not.toHaveProperty('x');
    });
  });
}
