import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import type {
  DeliveredBatch,
  EventLog,
  PartitionProgress,
  SubscribeOptions,
  Subscription,
} from './event-log.ts';

/**
 * One log, as the suite uses it. Handles are opened and closed by the suite; records must survive that.
 */
export interface EventLogUnderTest {
  /** Opens the log as the pipeline process does. At most one such handle is open at a time. */
  open(): Promise<EventLog>;
  /** Another handle on the same log, beside the one of `open`, as a command-line tool or a second process has it. */
  openBeside(): Promise<EventLog>;
  /** Makes every append fail or hang until the returned function is called. */
  blockAppends(): Promise<() => Promise<void>>;
  /** What a driver that knows who holds a lock tells of this machine. */
  readonly lockHolder?: string;
  dispose(): Promise<void>;
}

export interface EventLogSuiteOptions {
  /** Longest wait for a thing that must happen: joining a group takes Kafka seconds. Milliseconds. */
  readonly patienceMs: number;
  /** How long something that must not happen is watched for. Milliseconds. */
  readonly quietMs: number;
  /** How many random sequences are tried. */
  readonly sequences: number;
}

const HOUR_MS = 3_600_000;

/**
 * What every driver of the event log promises, run against each of them. Topics and groups have random names, so that
 * the suite can share a broker. Partition counts are the driver's: nothing here depends on them.
 */
export function describeEventLog(
  name: string,
  create: () => Promise<EventLogUnderTest>,
  { patienceMs, quietMs, sequences }: EventLogSuiteOptions,
): void {
  const waitUntil = (assertion: () => void | Promise<void>) =>
    eventually(assertion, { withinMs: patienceMs });
  const soon = () => performance.now() + patienceMs;

  describe(`event log: ${name}`, { timeout: 4 * patienceMs + 30_000 }, () => {
    let subject: EventLogUnderTest;
    let log: EventLog;

    beforeAll(async () => {
      subject = await create();
      log = await subject.open();
    }, 180_000);
    afterAll(async () => {
      await log.close();
      await subject.dispose();
    }, 60_000);

    const reopen = async () => {
      await log.close();
      log = await subject.open();
    };

    const createTopic = async (cleanup: 'delete' | 'compact' = 'delete'): Promise<string> => {
      const topic = unique('topic');
      await log.ensureTopics([{ name: topic, cleanup, retentionMs: HOUR_MS }]);
      return topic;
    };

    const appendAll = (records: readonly AppendRecord[]): Promise<RecordPosition[]> =>
      Promise.all(records.map((record) => log.append(record, soon())));

    /** Subscribes, and closes the subscription after the test. */
    const consume = async (
      topic: string,
      group: string,
      onBatch: SubscribeOptions['onBatch'],
      more: Partial<SubscribeOptions> = {},
    ): Promise<Subscription> => {
      const subscription = await log.subscribe({
        topic,
        group,
        onBatch,
        maxBatchRecords: 100,
        maxBatchBytes: 1024 * 1024,
        ...more,
      });
      onTestFinished(() => subscription.close());
      return subscription;
    };

    /** Subscribes with a handler that keeps all it gets. */
    const collect = async (topic: string, group: string, more: Partial<SubscribeOptions> = {}) => {
      const records: LogRecord[] = [];
      const batches: DeliveredBatch[] = [];
      const subscription = await consume(
        topic,
        group,
        async (batch) => {
          batches.push(batch);
          records.push(...batch.records);
        },
        more,
      );
      return { records, batches, subscription };
    };

    const committedRecords = async (topic: string, group: string): Promise<number> =>
      sum(
        (await log.progress(topic, group)).map(
          (p) => Math.max(p.committedOffset, p.oldestOffset) - p.oldestOffset,
        ),
      );

    const backlog = async (topic: string, group: string): Promise<number> =>
      sum((await log.progress(topic, group)).map(backlogOf));

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

        const beside = await subject.openBeside();
        onTestFinished(() => beside.close());
        expect(valuesByPlace(await readAll(beside, topic))).toEqual(expected);
        await reopen();
        expect(valuesByPlace(await readAll(log, topic))).toEqual(expected);
      });

      test('[P4] keeps the order of each key with many concurrent callers', async () => {
        const topic = await createTopic();
        const perKey = 150;
        await Promise.all(
          range(20).map(async (device) => {
            // Each caller mixes waiting and not waiting, so that batches of every size meet.
            const pending: Promise<unknown>[] = [];
            for (let i = 0; i < perKey; i++) {
              pending.push(log.append(record(topic, `device-${device}`, String(i)), soon()));
              if (i % (device + 2) === 0) await pending[i];
            }
            await Promise.all(pending);
          }),
        );
        const byKey = Map.groupBy(await readAll(log, topic), (r) => String(r.key));
        expect(byKey.size).toBe(20);
        for (const records of byKey.values()) {
          expect(records.map((r) => Number(text(r.value)))).toEqual(range(perKey));
        }
      });

      test('serves several topics at once', async () => {
        const [one, two] = [await createTopic(), await createTopic()];
        await appendAll(range(100).map((i) => record(i % 3 === 0 ? one : two, 'device', String(i))));
        expect((await readAll(log, one)).map((r) => Number(text(r.value)))).toEqual(
          range(100).filter((i) => i % 3 === 0),
        );
        expect((await readAll(log, two)).map((r) => Number(text(r.value)))).toEqual(
          range(100).filter((i) => i % 3 !== 0),
        );
      });

      test('[P1] rejects with not-durable at the deadline, and harms no other record', async () => {
        const topic = await createTopic();
        const late = log.append(record(topic, 'a', 'too late'), performance.now() - 1);
        const good = log.append(record(topic, 'a', 'in time'), soon());
        await expect(late).rejects.toMatchObject({ code: 'not-durable' });
        await expect(good).resolves.toBeDefined();
        expect((await readAll(log, topic)).map((r) => text(r.value))).toContain('in time');
      });

      test('[P1] [P4] while the log cannot be written: not-durable after the deadline, then in order again', async () => {
        const topic = await createTopic();
        await appendAll([record(topic, 'a', 'before')]);
        const unblock = await subject.blockAppends();
        let outcome = 'pending';
        const given = log.append(record(topic, 'a', 'given up'), performance.now() + 500);
        const kept = range(50).map((i) =>
          log.append(record(topic, 'a', `kept ${i}`), performance.now() + 10 * patienceMs),
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
        const values = firstOccurrences((await readAll(log, topic)).map((r) => text(r.value)));
        expect(values.filter((v) => v !== 'given up')).toEqual([
          'before',
          ...range(50).map((i) => `kept ${i}`),
        ]);
        await waitUntil(() => expect(log.health()).toMatchObject({ up: true }));
      });

      test('rejects an unknown topic with not-durable, and other topics go on', async () => {
        const topic = await createTopic();
        const unknown = log.append(record(unique('never-created'), 'a', 'x'), performance.now() + 500);
        const known = log.append(record(topic, 'a', 'y'), soon());
        await expect(known).resolves.toBeDefined();
        await expect(unknown).rejects.toMatchObject({ code: 'not-durable' });
      });
    });

    describe('records', () => {
      test('the value is copied by the call: its memory may be used again at once', async () => {
        const topic = await createTopic();
        const value = Buffer.from('before');
        const appended = log.append({ topic, key: 'a', value, headers: {} }, soon());
        value.fill('x');
        await appended;
        expect((await readAll(log, topic)).map((r) => String(r.value))).toEqual(['before']);
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

        for (const got of [records, await readAll(log, topic)]) {
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

    describe('subscribe', () => {
      test('a new group starts at the oldest record, and gets those that come later', async () => {
        const topic = await createTopic();
        await appendAll(numbered(topic, 'a', 10));
        const { records } = await collect(topic, unique('group'));
        await waitUntil(() => expect(records).toHaveLength(10));
        await appendAll(numbered(topic, 'a', 5));
        await waitUntil(() => expect(records).toHaveLength(15));
        expect(records.map((r) => Number(text(r.value)))).toEqual([...range(10), ...range(5)]);
      });

      test('records appended beside the pipeline arrive', async () => {
        const topic = await createTopic();
        const { records } = await collect(topic, unique('group'));
        const beside = await subject.openBeside();
        onTestFinished(() => beside.close());
        await beside.append(record(topic, 'a', 'from beside'), soon());
        await waitUntil(() => expect(records.map((r) => text(r.value))).toEqual(['from beside']));
        await log.append(record(topic, 'a', 'own'), soon());
        await beside.append(record(topic, 'a', 'from beside again'), soon());
        await waitUntil(() =>
          expect(records.map((r) => text(r.value))).toEqual(['from beside', 'own', 'from beside again']),
        );
      });

      test('batches are never empty, of one partition, in offset order, and at most maxBatchRecords long', async () => {
        const topic = await createTopic();
        await appendAll(range(300).map((i) => record(topic, `device-${i % 11}`, String(i))));
        const { batches } = await collect(topic, unique('group'), { maxBatchRecords: 7 });
        await waitUntil(() => expect(sum(batches.map((b) => b.records.length))).toBe(300));
        const next = new Map<number, number>();
        for (const batch of batches) {
          expect(batch.records.length).toBeGreaterThan(0);
          expect(batch.records.length).toBeLessThanOrEqual(7);
          for (const r of batch.records) {
            expect(r.partition).toBe(batch.partition);
            expect(r.offset).toBeGreaterThanOrEqual(next.get(r.partition) ?? 0);
            next.set(r.partition, r.offset + 1);
          }
        }
      });

      test('batches hold at most maxBatchBytes of values; a larger record comes alone', async () => {
        const topic = await createTopic();
        const sizes = [10, 400, 400, 400, 5_000, 10, 999, 1, 1, 5_000, 5_000, 10];
        await appendAll(sizes.map((size) => ({ topic, key: 'a', value: new Uint8Array(size), headers: {} })));
        const { batches, records } = await collect(topic, unique('group'), { maxBatchBytes: 1_000 });
        await waitUntil(() => expect(records).toHaveLength(sizes.length));
        expect(records.map((r) => r.value?.length)).toEqual(sizes);
        for (const batch of batches) {
          const bytes = sum(batch.records.map((r) => r.value?.length ?? 0));
          if (bytes > 1_000) expect(batch.records).toHaveLength(1);
        }
      });

      test('[P2] commits only after the handler resolved', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 5));
        const held = Promise.withResolvers<void>();
        let calls = 0;
        await consume(topic, group, async () => {
          calls++;
          await held.promise;
        });
        await waitUntil(() => expect(calls).toBe(1));
        await quiet(quietMs);
        expect(await committedRecords(topic, group)).toBe(0);
        expect(calls).toBe(1);
        held.resolve();
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(5));
      });

      test('[P2] a batch whose handler rejects comes again, the same records first, until it is handled', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 9));
        const seen: number[][] = [];
        let failures = 2;
        await consume(
          topic,
          group,
          async (batch) => {
            seen.push(batch.records.map((r) => Number(text(r.value))));
            if (batch.records.some((r) => text(r.value) === '3') && failures-- > 0)
              throw new Error('store is away');
          },
          { maxBatchRecords: 3 },
        );
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(9));
        expect(firstOccurrences(seen.flat())).toEqual(range(9));
        // Nothing behind the rejected records was delivered before they were handled.
        const three = seen.findIndex((batch) => batch.includes(3));
        expect(seen.slice(three, three + 3).map((batch) => batch[0])).toEqual([3, 3, 3]);
        expect(seen.filter((batch) => batch.includes(3))).toHaveLength(3);
      });

      test('[P2] an unfinished batch comes again after reopening, finished ones do not', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 20));
        const first: number[] = [];
        const stuck = Promise.withResolvers<void>();
        await consume(
          topic,
          group,
          async (batch, signal) => {
            first.push(...batch.records.map((r) => Number(text(r.value))));
            if (first.length > 10) await aborted(signal).then(stuck.resolve);
          },
          { maxBatchRecords: 5 },
        );
        await waitUntil(() => expect(first).toHaveLength(15));
        await reopen();
        await stuck.promise;
        const { records } = await collect(topic, group, { maxBatchRecords: 5 });
        await waitUntil(() => expect(records.map((r) => Number(text(r.value)))).toEqual(range(20).slice(10)));
      });

      test('[P2] closing fires the signal and discards the batch, even when its handler resolves', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 5));
        let reason: unknown;
        let committed = 0;
        const started = Promise.withResolvers<void>();
        const subscription = await consume(
          topic,
          group,
          async (_batch, signal) => {
            started.resolve();
            await aborted(signal);
            reason = signal.reason;
          },
          { onCommitted: () => committed++ },
        );
        await started.promise;
        await subscription.close();
        await expect(subscription.stopped).resolves.toBeUndefined();
        expect(reason).toBeDefined();
        await quiet(quietMs);
        expect(committed).toBe(0);
        expect(await committedRecords(topic, group)).toBe(0);
      });

      test('after close no handler is called any more', async () => {
        const topic = await createTopic();
        const { records, subscription } = await collect(topic, unique('group'));
        await log.append(record(topic, 'a', '0'), soon());
        await waitUntil(() => expect(records).toHaveLength(1));
        await subscription.close();
        await log.append(record(topic, 'a', '1'), soon());
        await quiet(quietMs);
        expect(records).toHaveLength(1);
      });

      test('[P8] onCommitted is called once per batch, in order, after the commit and before the next batch', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 12));
        const events: string[] = [];
        await consume(
          topic,
          group,
          async (batch) => void events.push(`batch ${batch.records.map((r) => text(r.value)).join()}`),
          {
            maxBatchRecords: 4,
            onCommitted: (batch) =>
              void events.push(`committed ${batch.records.map((r) => text(r.value)).join()}`),
          },
        );
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(12));
        await waitUntil(() => expect(events.at(-1)).toMatch(/^committed .*11$/));
        for (let i = 0; i < events.length; i += 2) {
          expect(events[i + 1]).toBe(events[i]?.replace('batch', 'committed'));
        }
      });

      test('two groups get every record, each at its own pace', async () => {
        const topic = await createTopic();
        const [fast, slow] = [unique('fast'), unique('slow')];
        await appendAll(numbered(topic, 'a', 30));
        const held = Promise.withResolvers<void>();
        const slowSeen: number[] = [];
        await consume(topic, slow, async (batch) => {
          await held.promise;
          slowSeen.push(...batch.records.map((r) => Number(text(r.value))));
        });
        const { records } = await collect(topic, fast);
        await waitUntil(async () => expect(await committedRecords(topic, fast)).toBe(30));
        expect(records).toHaveLength(30);
        expect(await committedRecords(topic, slow)).toBe(0);
        held.resolve();
        await waitUntil(() => expect(slowSeen).toEqual(range(30)));
      });

      test('members of one group share the records, and the rest goes on when one leaves', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(range(40).map((i) => record(topic, `device-${i}`, String(i))));
        const one = await collect(topic, group);
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(40));
        const two = await collect(topic, group);
        await one.subscription.close();
        await appendAll(range(40).map((i) => record(topic, `device-${i}`, String(40 + i))));
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(80));
        const values = [...one.records, ...two.records].map((r) => Number(text(r.value)));
        expect(values.sort((a, b) => a - b)).toEqual(range(80));
      });

      test('a member is told which partitions it has, before their records', async () => {
        const topic = await createTopic();
        const events: (readonly number[] | 'batch')[] = [];
        await consume(topic, unique('group'), async () => void events.push('batch'), {
          onAssigned: (partitions) => void events.push(partitions),
        });
        await log.append(record(topic, 'a', 'x'), soon());
        await waitUntil(() => expect(events).toContain('batch'));
        const assigned = events.slice(0, events.indexOf('batch')).flat();
        const partitions = (await log.progress(topic, 'group')).map((p) => p.partition);
        expect(new Set(assigned)).toEqual(new Set(partitions));
      });

      test('[P2] [P3] [P4] whatever the handler does and whenever the subscription restarts, every record is handled, in order', async () => {
        const step = fc.oneof(
          fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 40 }) }),
          fc.record({ do: fc.constant('restart' as const), afterRecords: fc.integer({ min: 0, max: 30 }) }),
        );
        const run = fc.record({
          steps: fc.array(step, { minLength: 3, maxLength: 7 }),
          rejectEvery: fc.integer({ min: 2, max: 6 }),
          maxBatchRecords: fc.integer({ min: 1, max: 20 }),
        });
        await fc.assert(
          fc.asyncProperty(run, async ({ steps, rejectEvery, maxBatchRecords }) => {
            const topic = await createTopic();
            const group = unique('group');
            const handled: string[] = [];
            let calls = 0;
            const subscribe = () =>
              log.subscribe({
                topic,
                group,
                maxBatchRecords,
                maxBatchBytes: 1_000_000,
                onBatch: async (batch) => {
                  if (++calls % rejectEvery === 0) throw new Error('rejected on purpose');
                  handled.push(...batch.records.map((r) => `${r.key}:${text(r.value)}`));
                },
              });
            let subscription = await subscribe();
            let appended = 0;
            try {
              for (const what of steps) {
                if (what.do === 'append') {
                  const from = appended;
                  appended += what.count;
                  await appendAll(
                    range(what.count).map((i) => record(topic, `k${(from + i) % 3}`, String(from + i))),
                  );
                } else {
                  const enough = Math.min(appended, what.afterRecords);
                  await waitUntil(() => expect(new Set(handled).size).toBeGreaterThanOrEqual(enough));
                  await subscription.close();
                  subscription = await subscribe();
                }
              }
              await waitUntil(async () => expect(await backlog(topic, group)).toBe(0));
            } finally {
              await subscription.close();
            }
            const all = range(appended).map((i) => `k${i % 3}:${i}`);
            for (const key of ['k0', 'k1', 'k2']) {
              const ofKey = (entry: string) => entry.startsWith(`${key}:`);
              expect(firstOccurrences(handled.filter(ofKey))).toEqual(all.filter(ofKey));
            }
          }),
          { numRuns: sequences, endOnFailure: true },
        );
      });
    });

    describe('progress', () => {
      test('[P7] of an empty topic: no backlog', async () => {
        const topic = await createTopic();
        const group = unique('group');
        for (const p of await log.progress(topic, group)) {
          expect(p).toMatchObject({ oldestOffset: p.endOffset, committedOffset: -1, backlogSince: null });
        }
        expect((await log.progress(topic, group)).length).toBeGreaterThan(0);
      });

      test('[P7] of a group that never committed: the whole topic, since its oldest record', async () => {
        const topic = await createTopic();
        await appendAll(numbered(topic, 'a', 10));
        const [first] = await readAll(log, topic);
        const progress = (await log.progress(topic, unique('group'))).filter(
          (p) => p.endOffset > p.oldestOffset,
        );
        expect(progress).toHaveLength(1);
        expect(progress[0]).toMatchObject({ committedOffset: -1, partition: first?.partition });
        expect(progress.map(backlogOf)).toEqual([10]);
        expect(progress[0]?.backlogSince).toBe(first?.timestamp);
      });

      test('[P7] of a group that came half way, then to the end; visible from beside', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 4));
        await quiet(1_200);
        await appendAll(numbered(topic, 'a', 4));
        const held = Promise.withResolvers<void>();
        let calls = 0;
        await consume(
          topic,
          group,
          async () => {
            if (++calls > 1) await held.promise;
          },
          { maxBatchRecords: 4 },
        );
        const beside = await subject.openBeside();
        onTestFinished(() => beside.close());
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(4));
        const half = (await beside.progress(topic, group)).filter((p) => p.endOffset > 0);
        const fifth = (await readAll(beside, topic))[4];
        expect(half.map(backlogOf)).toEqual([4]);
        expect(half[0]?.committedOffset).toBe(fifth?.offset);
        expect(half[0]?.backlogSince).toBe(fifth?.timestamp);

        held.resolve();
        await waitUntil(async () => expect(await backlog(topic, group)).toBe(0));
        const done = (await beside.progress(topic, group)).filter((p) => p.endOffset > 0);
        expect(done[0]).toMatchObject({ committedOffset: done[0]?.endOffset, backlogSince: null });
      });
    });

    describe('progress of a group that is nearly there', () => {
      test('[P7] exactly one record behind: a backlog of one, since the time of that record', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 5));
        const last = (await readAll(log, topic)).at(-1);
        const held = Promise.withResolvers<void>();
        await consume(
          topic,
          group,
          async ({ records }) => {
            if (records.some(({ offset }) => offset === last?.offset)) await held.promise;
          },
          { maxBatchRecords: 1 },
        );
        // Before the subscription is closed, which waits for its handler, also when this test fails.
        onTestFinished(() => held.resolve());
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(4));
        const progress = (await log.progress(topic, group)).filter((p) => p.endOffset > 0);
        expect(progress.map(backlogOf)).toEqual([1]);
        expect(progress[0]?.backlogSince).not.toBeNull();
        expect(progress[0]?.backlogSince).toBe(last?.timestamp);

        held.resolve();
        await waitUntil(async () => expect(await backlog(topic, group)).toBe(0));
      });
    });

    describe('read', () => {
      test('ends for an empty topic', async () => {
        expect(await readAll(log, await createTopic())).toEqual([]);
      });

      test('ends where the topic ended when reading began, whatever is appended meanwhile', async () => {
        const topic = await createTopic();
        await appendAll(numbered(topic, 'a', 100));
        const seen: number[] = [];
        let more = 100;
        for await (const r of log.read(topic)) {
          seen.push(Number(text(r.value)));
          if (more < 200) await log.append(record(topic, 'a', String(more++)), soon());
        }
        expect(seen).toEqual(range(100));
      });

      test('starts at given offsets, of the partitions that are named', async () => {
        const topic = await createTopic();
        const positions = await appendAll(range(60).map((i) => record(topic, `device-${i}`, String(i))));
        const sixth = positions.filter((p) => p.partition === positions[0]?.partition)[5] ?? positions[0];
        const from = new Map([[sixth?.partition ?? 0, sixth?.offset ?? 0]]);
        const records = await Array.fromAsync(log.read(topic, { from }));
        const expected = positions.filter(
          (p) => p.partition === sixth?.partition && p.offset >= sixth.offset,
        );
        expect(records.map((r) => r.offset)).toEqual(expected.map((p) => p.offset));
        expect(records.every((r) => r.partition === sixth?.partition)).toBe(true);
      });

      test('does not disturb a group that is at work', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 50));
        const { records } = await collect(topic, group, { maxBatchRecords: 5 });
        const beside = await subject.openBeside();
        onTestFinished(() => beside.close());
        const [own, others] = await Promise.all([readAll(log, topic), readAll(beside, topic)]);
        expect(own).toHaveLength(50);
        expect(others).toHaveLength(50);
        await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(50));
        expect(records.map((r) => Number(text(r.value)))).toEqual(range(50));
      });

      test('can be abandoned half way, by leaving the loop or by the signal', async () => {
        const topic = await createTopic();
        await appendAll(numbered(topic, 'a', 50));
        for await (const _ of log.read(topic)) break;
        const controller = new AbortController();
        let seen = 0;
        const reading = (async () => {
          for await (const _ of log.read(topic, { signal: controller.signal })) {
            if (++seen === 3) controller.abort(new Error('enough'));
          }
        })();
        await expect(reading).rejects.toThrow('enough');
        expect(seen).toBe(3);
      });
    });

    describe('topics', () => {
      test('creating them again changes nothing', async () => {
        const topic = unique('topic');
        const settings = { name: topic, cleanup: 'delete' as const, retentionMs: HOUR_MS };
        await Promise.all([log.ensureTopics([settings]), log.ensureTopics([settings])]);
        await appendAll([record(topic, 'a', 'kept')]);
        await log.ensureTopics([settings]);
        await reopen();
        await log.ensureTopics([settings]);
        expect((await readAll(log, topic)).map((r) => text(r.value))).toEqual(['kept']);
      });

      test('[P10] a topic with the other clean-up policy is a configuration error that says which', async () => {
        const topic = await createTopic('delete');
        await expect(
          log.ensureTopics([{ name: topic, cleanup: 'compact', retentionMs: HOUR_MS }]),
        ).rejects.toMatchObject({
          code: 'configuration',
          message: expect.stringMatching(/delete.*compact|compact.*delete/),
        });
      });

      test('a compacted topic keeps the last record of each key, and its offsets', async () => {
        const topic = await createTopic('compact');
        const last = new Map<string, string>();
        for (let i = 0; i < 60; i++) {
          const key = `letter-${i % 5}`;
          last.set(key, `state ${i}`);
          await log.append(record(topic, key, `state ${i}`), soon());
        }
        await log.append({ topic, key: 'letter-0', value: null, headers: {} }, soon());
        last.delete('letter-0');
        // Compaction may come late: whoever reads the topic lets later records win.
        const state = new Map<string, string>();
        for (const r of await readAll(log, topic)) {
          if (r.value === null) state.delete(String(r.key));
          else state.set(String(r.key), text(r.value));
        }
        expect(state).toEqual(last);
        const { records } = await collect(topic, unique('group'));
        await waitUntil(() => {
          expect(records.findLast((r) => String(r.key) === 'letter-4')?.value?.toString()).toBe('state 59');
        });
      });
    });

    describe('offsets by time', () => {
      test('the first record that is not older; the end, where all are; the oldest, where none is', async () => {
        const topic = await createTopic();
        await appendAll(numbered(topic, 'a', 3));
        await quiet(50);
        await appendAll(numbered(topic, 'a', 3));
        const fourth = (await readAll(log, topic))[3] as LogRecord;
        const at = async (timeMs: number) => (await log.offsetsAt(topic, timeMs)).get(fourth.partition);
        expect(await at(fourth.timestamp)).toBe(fourth.offset);
        expect(await at(fourth.timestamp + 60_000)).toBe(fourth.offset + 3);
        expect(await at(0)).toBe(fourth.offset - 3);
        const partitions = (await log.progress(topic, 'nobody')).map(({ partition }) => partition);
        expect([...(await log.offsetsAt(topic, 0)).keys()].sort()).toEqual(partitions.sort());
      });
    });

    describe('groups', () => {
      test('who is a member, and of what; a group in use is not moved, one that nobody uses is', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 6));
        const records = await readAll(log, topic);
        const beside = await subject.openBeside();
        onTestFinished(() => beside.close());
        expect(await beside.members(topic, group)).toEqual([]);

        const subscription = await consume(topic, group, async () => undefined);
        await waitUntil(async () => expect(await backlog(topic, group)).toBe(0));
        const members = await beside.members(topic, group);
        expect(members).toHaveLength(1);
        expect(members[0]).toMatchObject({
          id: expect.stringMatching(/./),
          host: expect.stringMatching(/./),
        });
        const partitions = (await log.progress(topic, group)).map(({ partition }) => partition);
        expect(members[0]?.partitions).toEqual(partitions);
        const third = records[2] as LogRecord;
        const back = new Map([[third.partition, third.offset]]);
        await expect(beside.setOffsets(topic, group, back)).rejects.toMatchObject({ reason: 'group-in-use' });
        expect(await backlog(topic, group)).toBe(0);

        await subscription.close();
        await waitUntil(() => beside.setOffsets(topic, group, back));
        expect(await backlog(topic, group)).toBe(4);
        const { records: again } = await collect(topic, group);
        await waitUntil(() =>
          expect(again.map(({ offset }) => offset)).toEqual(records.slice(2).map((r) => r.offset)),
        );
      });
    });

    describe('locks', () => {
      test('one holder at a time, over all handles; let go by disposing', async () => {
        const name = unique('replay');
        const beside = await subject.openBeside();
        onTestFinished(() => beside.close());
        const held = await log.acquireLock(name);
        expect(held).toBeDefined();
        let holder: string | undefined;
        const onHeld = (who: string) => {
          holder = who;
        };
        expect(await beside.acquireLock(name, { onHeld })).toBeUndefined();
        expect(holder).toBe(subject.lockHolder);
        expect(await log.acquireLock(name)).toBeUndefined();
        const other = await beside.acquireLock(unique('replay'));
        expect(other).toBeDefined();
        await other?.[Symbol.asyncDispose]();
        await held?.[Symbol.asyncDispose]();
        const next = await beside.acquireLock(name);
        expect(next).toBeDefined();
        await next?.[Symbol.asyncDispose]();
      });

      test('let go when the handle closes', async () => {
        const name = unique('replay');
        const beside = await subject.openBeside();
        expect(await beside.acquireLock(name)).toBeDefined();
        await beside.close();
        await waitUntil(async () => {
          const lock = await log.acquireLock(name);
          expect(lock).toBeDefined();
          await lock?.[Symbol.asyncDispose]();
        });
      });
    });

    describe('close', () => {
      test('[P1] waits for the appends in flight; afterwards everything says closed', async () => {
        const topic = await createTopic();
        const handle = await subject.openBeside();
        const pending = range(300).map((i) => handle.append(record(topic, 'a', String(i)), soon()));
        await handle.close();
        await Promise.all(pending);
        expect(await readAll(log, topic)).toHaveLength(300);

        await expect(handle.append(record(topic, 'a', 'x'), soon())).rejects.toMatchObject({
          code: 'closed',
        });
        await expect(handle.progress(topic, 'group')).rejects.toMatchObject({ code: 'closed' });
        await expect(readAll(handle, topic)).rejects.toMatchObject({ code: 'closed' });
        await expect(
          handle.subscribe({
            topic,
            group: 'g',
            maxBatchRecords: 1,
            maxBatchBytes: 1,
            onBatch: async () => undefined,
          }),
        ).rejects.toMatchObject({ code: 'closed' });
        await expect(handle.acquireLock('x')).rejects.toMatchObject({ code: 'closed' });
        await handle.close();
      });

      test('stops subscriptions without committing unfinished batches', async () => {
        const topic = await createTopic();
        const group = unique('group');
        await appendAll(numbered(topic, 'a', 3));
        const started = Promise.withResolvers<void>();
        const subscription = await consume(topic, group, async (_batch, signal) => {
          started.resolve();
          await aborted(signal);
        });
        await started.promise;
        await reopen();
        await expect(subscription.stopped).resolves.toBeUndefined();
        expect(await committedRecords(topic, group)).toBe(0);
      });
    });
  });
}

function record(
  topic: string,
  key: string,
  value: string,
  headers: Record<string, string> = {},
): AppendRecord {
  return { topic, key, value: Buffer.from(value), headers };
}

function numbered(topic: string, key: string, count: number): AppendRecord[] {
  return range(count).map((i) => record(topic, key, String(i)));
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

function unique(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

function text(value: Uint8Array | null): string {
  return value === null ? '<null>' : Buffer.from(value).toString();
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

function place(position: RecordPosition | undefined): string {
  return `${position?.partition}-${position?.offset}`;
}

function valuesByPlace(records: readonly LogRecord[]): Map<string, string> {
  return new Map(records.map((r) => [place(r), text(r.value)]));
}

function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  return Array.fromAsync(log.read(topic));
}

function backlogOf(p: PartitionProgress): number {
  return p.backlog;
}

function firstOccurrences<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Watches for what must not happen: there is no event to await. */
function quiet(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
