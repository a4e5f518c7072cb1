import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { promisedAppend } from '#event-log/pending-append.ts';
import { createLogger } from '#runtime/logger.ts';
import { GroupCommit } from './group-commit.ts';
import type { CommitFailure, CommitRequest, CommitResult } from './log-thread-calls.ts';
import { unpackRecords } from './packed-records.ts';
import { createEmbeddedLogTelemetry } from './telemetry.ts';

const FULL: CommitFailure = { cause: 'storage-full', detail: 'database or disk is full' };

// Deadlines, back-offs and probes are this class's matter: the test moves the clock, the machine does not.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A writer thread whose answers the test gives. It keeps what was made durable, as `key` by topic. */
function setUp() {
  const deps = {
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: new Registry(),
    now: () => 1_764_000_000_000,
    random: () => 1,
  };
  const requests: { readonly request: CommitRequest; readonly answer: PromiseWithResolvers<CommitResult> }[] =
    [];
  const durable: string[] = [];
  const groupCommit = new GroupCommit(
    {
      commit: (request) => {
        const answer = Promise.withResolvers<CommitResult>();
        requests.push({ request, answer });
        return answer.promise;
      },
      onAppended: () => undefined,
      telemetry: createEmbeddedLogTelemetry(deps),
    },
    deps,
  );
  const keysOf = ({ segments }: CommitRequest) =>
    segments.flatMap(({ topic, payload }) =>
      unpackRecords(payload).map(({ key }) => `${topic}/${Buffer.from(key)}`),
    );
  /** The next transaction; where a back-off or a probe has to come first, the clock moves to it. */
  const next = async () => {
    await vi.advanceTimersByTimeAsync(0);
    for (let moves = 0; requests.length === 0; moves++) {
      if (moves > 100) throw new Error('no transaction');
      await vi.advanceTimersToNextTimerAsync();
    }
    const entry = requests.shift() as (typeof requests)[number];
    return {
      keys: keysOf(entry.request),
      request: entry.request,
      succeed(refuse: (topic: string) => CommitFailure | undefined = () => undefined) {
        const segments = entry.request.segments.map(({ topic, payload, records }) => {
          const failure = refuse(topic);
          if (failure !== undefined) return { kind: 'refused' as const, failure, payload };
          durable.push(
            ...keysOf({
              ...entry.request,
              segments: [{ topic, payload, records, timestamp: 0, owed: false }],
            }),
          );
          return { kind: 'durable' as const, baseOffset: durable.length - records };
        });
        entry.answer.resolve({ segments, offsetsFailure: undefined, failure: undefined, usedBytes: 0 });
      },
      refuse(failure: CommitFailure, offsetsFailure?: CommitFailure) {
        const segments = entry.request.segments.map(({ payload }) => ({
          kind: 'refused' as const,
          failure,
          payload,
        }));
        entry.answer.resolve({ segments, offsetsFailure, failure, usedBytes: 0 });
      },
      die: () => entry.answer.reject(new Error('out of memory')),
    };
  };
  const append = (topic: string, key: string, deadlineMs = 60_000, bytes = 10) =>
    promisedAppend((caller) =>
      groupCommit.appendFor(
        { topic, key, value: new Uint8Array(bytes), headers: {} },
        performance.now() + deadlineMs,
        caller,
      ),
    );
  return { groupCommit, requests, durable, next, append, metrics: deps.metrics };
}

/** Moves the clock to the deadline, which the append does not survive. */
async function notDurable(append: Promise<unknown>, deadlineMs: number): Promise<void> {
  const rejected = expect(append).rejects.toMatchObject({ code: 'not-durable' });
  await vi.advanceTimersByTimeAsync(deadlineMs);
  await rejected;
}

describe('group commit', () => {
  test('appends of one moment share a transaction; those that come meanwhile share the next one', async () => {
    const { append, next, requests } = setUp();
    const first = [append('t', 'a'), append('u', 'b'), append('t', 'c')];
    const one = await next();
    expect(one.keys).toEqual(['t/a', 't/c', 'u/b']);
    const second = Array.from({ length: 100 }, (_, i) => append('t', String(i)));
    await Promise.resolve();
    expect(requests).toHaveLength(0);
    one.succeed();
    await Promise.all(first);
    const two = await next();
    expect(two.keys).toHaveLength(100);
    two.succeed();
    expect((await Promise.all(second)).map((p) => p.offset)).toEqual(
      Array.from({ length: 100 }, (_, i) => 3 + i),
    );
  });

  test('commits of consumers share the transaction of records', async () => {
    const { groupCommit, append, next } = setUp();
    const appended = append('t', 'a');
    const committed = groupCommit.commitOffset({ topic: 't', group: 'g', offset: 7 });
    const one = await next();
    expect(one.request).toMatchObject({
      offsets: [{ topic: 't', group: 'g', offset: 7 }],
      segments: [{ topic: 't' }],
    });
    one.succeed();
    await Promise.all([appended, committed]);
  });

  test('[P4] refused records come before newer ones of their topic', async () => {
    const { groupCommit, append, next, durable } = setUp();
    const all = [append('t', '0'), append('t', '1')];
    (await next()).refuse(FULL);
    all.push(append('t', '2'));
    expect(groupCommit.health).toEqual({ up: true, detail: '' });
    const again = await next();
    expect(groupCommit.health).toEqual({ up: false, detail: FULL.detail });
    expect(again.keys).toEqual(['t/0', 't/1', 't/2']);
    again.refuse(FULL);
    (await next()).succeed();
    await Promise.all(all);
    expect(durable).toEqual(['t/0', 't/1', 't/2']);
    expect(groupCommit.health).toEqual({ up: true, detail: '' });
  });

  test('[P4] refused records come before those that did not fit into the transaction', async () => {
    const { append, next, durable } = setUp();
    const keys = Array.from({ length: 100 }, (_, i) => String(i));
    const all = keys.map((key) => append('t', key, 10_000, 200_000));
    (await next()).refuse(FULL);
    while (durable.length < keys.length) (await next()).succeed();
    await Promise.all(all);
    expect(durable).toEqual(keys.map((key) => `t/${key}`));
  });

  test('a topic that is refused does not hold up another one', async () => {
    const { append, next, durable } = setUp();
    const unknown: CommitFailure = { cause: 'unknown-topic', detail: 'no such topic' };
    const bad = append('bad', 'a', 150).catch((error: unknown) => error);
    let pending = [append('good', '0')];
    for (let i = 1; i < 5; i++) {
      (await next()).succeed((topic) => (topic === 'bad' ? unknown : undefined));
      await Promise.all(pending);
      pending = [append('good', String(i))];
    }
    (await next()).succeed();
    expect(durable.filter((key) => key.startsWith('good'))).toEqual([0, 1, 2, 3, 4].map((i) => `good/${i}`));
    await vi.advanceTimersByTimeAsync(150);
    expect(await bad).toMatchObject({ code: 'not-durable' });
  });

  test('[P1] a record that is late is given up and not tried again; its neighbours are', async () => {
    const { append, next, metrics } = setUp();
    const late = append('t', 'late', 30);
    const kept = append('t', 'kept', 10_000);
    const one = await next();
    await notDurable(late, 30);
    one.refuse(FULL);
    const two = await next();
    expect(two.keys).toEqual(['t/kept']);
    two.succeed();
    await kept;
    expect(await metrics.metrics()).toContain('event_log_append_failures_total{cause="deadline"} 1');
  });

  test('an answer after the deadline changes nothing', async () => {
    const { append, next } = setUp();
    const late = append('t', 'late', 20);
    const kept = append('t', 'kept');
    const one = await next();
    await notDurable(late, 20);
    one.succeed();
    expect(await kept).toEqual({ partition: 0, offset: 1 });
  });

  test('a transaction is bounded, and every topic gets into it', async () => {
    const { append, next } = setUp();
    const all = Array.from({ length: 50 }, (_, i) => append('large', String(i), 10_000, 250_000));
    all.push(append('letters', 'a'));
    const one = await next();
    expect(one.keys.length).toBeGreaterThan(20);
    expect(one.keys.length).toBeLessThan(40);
    expect(one.keys).toContain('letters/a');
    one.succeed();
    (await next()).succeed();
    await Promise.all(all);
  });

  test('while nothing can be written, a probe finds out when it can, without anyone appending', async () => {
    const { groupCommit, append, next } = setUp();
    const given = append('t', 'a', 20);
    const one = await next();
    await notDurable(given, 20);
    one.refuse(FULL);
    const probe = await next();
    expect(probe.request).toMatchObject({ segments: [], probeBytes: expect.any(Number) });
    probe.succeed();
    await vi.advanceTimersByTimeAsync(0);
    expect(groupCommit.health.up).toBe(true);
  });

  test('[P7] a disk that does not answer is told, until it does', async () => {
    const { groupCommit, append, next } = setUp();
    const given = append('t', 'a');
    const one = await next();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(groupCommit.health.up).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(groupCommit.health).toMatchObject({
      up: false,
      detail: expect.stringContaining('does not answer'),
    });
    one.succeed();
    await given;
    expect(groupCommit.health).toEqual({ up: true, detail: '' });
    // Nor when nothing is under way.
    await vi.advanceTimersByTimeAsync(60_000);
    expect(groupCommit.health.up).toBe(true);
  });

  test('[P7] what it is down for already is told on, while a copy is made for longer than a transaction takes', async () => {
    const { groupCommit, append, next } = setUp();
    const given = append('t', 'a');
    const one = await next();
    groupCommit.displaced('its file was deleted');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(groupCommit.health).toEqual({ up: false, detail: 'its file was deleted' });
    one.succeed();
    await given;
  });

  test('that an offset could be committed does not mean that records can', async () => {
    const { groupCommit, append, next } = setUp();
    const given = append('t', 'a', 20);
    const one = await next();
    await notDurable(given, 20);
    one.refuse(FULL);
    const committed = groupCommit.commitOffset({ topic: 't', group: 'g', offset: 1 });
    (await next()).succeed();
    await committed;
    expect(groupCommit.health.up).toBe(false);
  });

  test('[P1] when the thread dies, what it had is not durable and the log is not healthy', async () => {
    const { groupCommit, append, next } = setUp();
    const appended = append('t', 'a');
    const committed = groupCommit.commitOffset({ topic: 't', group: 'g', offset: 1 });
    (await next()).die();
    await expect(appended).rejects.toMatchObject({ code: 'not-durable' });
    await expect(committed).rejects.toMatchObject({ code: 'event-log-unavailable' });
    expect(groupCommit.health).toEqual({ up: false, detail: 'out of memory' });
  });

  test('drained: waits for what was accepted, until its deadline, and accepts nothing more', async () => {
    const { groupCommit, append, next } = setUp();
    const kept = append('t', 'kept');
    const one = await next();
    const late = append('t', 'late', 60).catch((error: unknown) => error);
    const drained = groupCommit.drained();
    await expect(append('t', 'more')).rejects.toMatchObject({ code: 'closed' });
    one.succeed();
    await kept;
    (await next()).refuse(FULL);
    await vi.advanceTimersByTimeAsync(60);
    expect(await late).toMatchObject({ code: 'not-durable' });
    await drained;
  });
});
