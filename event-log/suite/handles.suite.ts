import { describe, expect, onTestFinished, test } from 'vitest';
import { aborted, type LogUnderTest, numbered, range, readAll, record, unique } from './log-under-test.ts';

/** What handles hold: locks, and their end. */
export function describeHandles(under: LogUnderTest): void {
  const { waitUntil, soon, reopen, createTopic, appendAll, consume, committedRecords } = under;

  describe('locks', () => {
    test('one holder at a time, over all handles; let go by disposing', async () => {
      const name = unique('replay');
      const beside = await under.subject.openBeside();
      onTestFinished(() => beside.close());
      const held = await under.log.acquireLock(name);
      expect(held).toBeDefined();
      let holder: string | undefined;
      const onHeld = (who: string) => {
        holder = who;
      };
      expect(await beside.acquireLock(name, { onHeld })).toBeUndefined();
      expect(holder).toBe(under.subject.lockHolder);
      expect(await under.log.acquireLock(name)).toBeUndefined();
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
      const beside = await under.subject.openBeside();
      expect(await beside.acquireLock(name)).toBeDefined();
      await beside.close();
      await waitUntil(async () => {
        const lock = await under.log.acquireLock(name);
        expect(lock).toBeDefined();
        await lock?.[Symbol.asyncDispose]();
      });
    });
  });

  describe('close', () => {
    test('[P1] waits for the appends in flight; afterwards everything says closed', async () => {
      const topic = await createTopic();
      const handle = await under.subject.openBeside();
      const pending = range(300).map((i) => handle.append(record(topic, 'a', String(i)), soon()));
      await handle.close();
      await Promise.all(pending);
      expect(await readAll(under.log, topic)).toHaveLength(300);

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
}
