import { describe, expect, onTestFinished, test } from 'vitest';
import {
  HOUR_MS,
  type LogUnderTest,
  numbered,
  range,
  readAll,
  record,
  text,
  unique,
} from './log-under-test.ts';

/** Reading without a group, and what topics keep. */
export function describeRead(under: LogUnderTest): void {
  const { waitUntil, soon, reopen, createTopic, appendAll, collect, committedRecords } = under;

  describe('read', () => {
    test('ends for an empty topic', async () => {
      expect(await readAll(under.log, await createTopic())).toEqual([]);
    });

    test('ends where the topic ended when reading began, whatever is appended meanwhile', async () => {
      const topic = await createTopic();
      await appendAll(numbered(topic, 'a', 100));
      const seen: number[] = [];
      let more = 100;
      for await (const r of under.log.read(topic)) {
        seen.push(Number(text(r.value)));
        if (more < 200) await under.log.append(record(topic, 'a', String(more++)), soon());
      }
      expect(seen).toEqual(range(100));
    });

    test('starts at given offsets, of the partitions that are named', async () => {
      const topic = await createTopic();
      const positions = await appendAll(range(60).map((i) => record(topic, `device-${i}`, String(i))));
      const sixth = positions.filter((p) => p.partition === positions[0]?.partition)[5] ?? positions[0];
      const from = new Map([[sixth?.partition ?? 0, sixth?.offset ?? 0]]);
      const records = await Array.fromAsync(under.log.read(topic, { from }));
      const expected = positions.filter((p) => p.partition === sixth?.partition && p.offset >= sixth.offset);
      expect(records.map((r) => r.offset)).toEqual(expected.map((p) => p.offset));
      expect(records.every((r) => r.partition === sixth?.partition)).toBe(true);
    });

    test('does not disturb a group that is at work', async () => {
      const topic = await createTopic();
      const group = unique('group');
      await appendAll(numbered(topic, 'a', 50));
      const { records } = await collect(topic, group, { maxBatchRecords: 5 });
      const beside = await under.subject.openBeside();
      onTestFinished(() => beside.close());
      const [own, others] = await Promise.all([readAll(under.log, topic), readAll(beside, topic)]);
      expect(own).toHaveLength(50);
      expect(others).toHaveLength(50);
      await waitUntil(async () => expect(await committedRecords(topic, group)).toBe(50));
      expect(records.map((r) => Number(text(r.value)))).toEqual(range(50));
    });

    test('can be abandoned half way, by leaving the loop or by the signal', async () => {
      const topic = await createTopic();
      await appendAll(numbered(topic, 'a', 50));
      for await (const _ of under.log.read(topic)) break;
      const controller = new AbortController();
      let seen = 0;
      const reading = (async () => {
        for await (const _ of under.log.read(topic, { signal: controller.signal })) {
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
      await Promise.all([under.log.ensureTopics([settings]), under.log.ensureTopics([settings])]);
      await appendAll([record(topic, 'a', 'kept')]);
      await under.log.ensureTopics([settings]);
      await reopen();
      await under.log.ensureTopics([settings]);
      expect((await readAll(under.log, topic)).map((r) => text(r.value))).toEqual(['kept']);
    });

    test('[P10] a topic with the other clean-up policy is a configuration error that says which', async () => {
      const topic = await createTopic('delete');
      await expect(
        under.log.ensureTopics([{ name: topic, cleanup: 'compact', retentionMs: HOUR_MS }]),
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
        await under.log.append(record(topic, key, `state ${i}`), soon());
      }
      await under.log.append({ topic, key: 'letter-0', value: null, headers: {} }, soon());
      last.delete('letter-0');
      // Compaction may come late: whoever reads the topic lets later records win.
      const state = new Map<string, string>();
      for (const r of await readAll(under.log, topic)) {
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
}
