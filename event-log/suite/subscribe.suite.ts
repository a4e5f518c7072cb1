import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  aborted,
  firstOccurrences,
  type LogUnderTest,
  numbered,
  quiet,
  range,
  record,
  sum,
  text,
  unique,
} from './log-under-test.ts';

/** How records are delivered, and when they are committed. */
export function describeSubscribe(under: LogUnderTest): void {
  const {
    waitUntil,
    soon,
    reopen,
    createTopic,
    appendAll,
    consume,
    collect,
    committedRecords,
    backlog,
    quietMs,
    sequences,
  } = under;

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
      const beside = await under.subject.openBeside();
      onTestFinished(() => beside.close());
      await beside.append(record(topic, 'a', 'from beside'), soon());
      await waitUntil(() => expect(records.map((r) => text(r.value))).toEqual(['from beside']));
      await under.log.append(record(topic, 'a', 'own'), soon());
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
      await under.log.append(record(topic, 'a', '0'), soon());
      await waitUntil(() => expect(records).toHaveLength(1));
      await subscription.close();
      await under.log.append(record(topic, 'a', '1'), soon());
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
      await under.log.append(record(topic, 'a', 'x'), soon());
      await waitUntil(() => expect(events).toContain('batch'));
      const assigned = events.slice(0, events.indexOf('batch')).flat();
      const partitions = (await under.log.progress(topic, 'group')).map((p) => p.partition);
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
            under.log.subscribe({
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
}
