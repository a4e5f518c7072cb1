import { describe, expect, onTestFinished, test } from 'vitest';
import { type LogUnderTest, numbered, range, record, sum, text, unique } from './log-under-test.ts';

/** Which records a subscription delivers, and to whom of a group. */
export function describeSubscribe(under: LogUnderTest): void {
  const { waitUntil, soon, createTopic, appendAll, consume, collect, committedRecords } = under;

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
  });
}
