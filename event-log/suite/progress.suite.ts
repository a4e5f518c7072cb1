import { describe, expect, onTestFinished, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import { backlogOf, type LogUnderTest, numbered, quiet, readAll, unique } from './log-under-test.ts';

/** How far groups are, and moving them. */
export function describeProgress(under: LogUnderTest): void {
  const { waitUntil, createTopic, appendAll, consume, collect, committedRecords, backlog } = under;

  describe('progress', () => {
    test('[P7] of an empty topic: no backlog', async () => {
      const topic = await createTopic();
      const group = unique('group');
      for (const p of await under.log.progress(topic, group)) {
        expect(p).toMatchObject({ oldestOffset: p.endOffset, committedOffset: -1, backlogSince: null });
      }
      expect((await under.log.progress(topic, group)).length).toBeGreaterThan(0);
    });

    test('[P7] of a group that never committed: the whole topic, since its oldest record', async () => {
      const topic = await createTopic();
      await appendAll(numbered(topic, 'a', 10));
      const [first] = await readAll(under.log, topic);
      const progress = (await under.log.progress(topic, unique('group'))).filter(
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
      const beside = await under.subject.openBeside();
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
      const last = (await readAll(under.log, topic)).at(-1);
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
      const progress = (await under.log.progress(topic, group)).filter((p) => p.endOffset > 0);
      expect(progress.map(backlogOf)).toEqual([1]);
      expect(progress[0]?.backlogSince).not.toBeNull();
      expect(progress[0]?.backlogSince).toBe(last?.timestamp);

      held.resolve();
      await waitUntil(async () => expect(await backlog(topic, group)).toBe(0));
    });
  });

  describe('offsets by time', () => {
    test('the first record that is not older; the end, where all are; the oldest, where none is', async () => {
      const topic = await createTopic();
      await appendAll(numbered(topic, 'a', 3));
      await quiet(50);
      await appendAll(numbered(topic, 'a', 3));
      const fourth = (await readAll(under.log, topic))[3] as LogRecord;
      const at = async (timeMs: number) => (await under.log.offsetsAt(topic, timeMs)).get(fourth.partition);
      expect(await at(fourth.timestamp)).toBe(fourth.offset);
      expect(await at(fourth.timestamp + 60_000)).toBe(fourth.offset + 3);
      expect(await at(0)).toBe(fourth.offset - 3);
      const partitions = (await under.log.progress(topic, 'nobody')).map(({ partition }) => partition);
      expect([...(await under.log.offsetsAt(topic, 0)).keys()].sort()).toEqual(partitions.sort());
    });
  });

  describe('groups', () => {
    test('who is a member, and of what; a group in use is not moved, one that nobody uses is', async () => {
      const topic = await createTopic();
      const group = unique('group');
      await appendAll(numbered(topic, 'a', 6));
      const records = await readAll(under.log, topic);
      const beside = await under.subject.openBeside();
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
      const partitions = (await under.log.progress(topic, group)).map(({ partition }) => partition);
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
}
