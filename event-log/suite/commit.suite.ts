import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aborted,
  firstOccurrences,
  type LogUnderTest,
  numbered,
  quiet,
  range,
  record,
  text,
  unique,
} from './log-under-test.ts';

/** When a batch is committed, and what comes again when it was not. */
export function describeCommit(under: LogUnderTest): void {
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

  describe('commit', () => {
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
