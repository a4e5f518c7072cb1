import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { dismissLetters, undismissLetters } from './dismiss.ts';
import { DeadLetterMonitor, type DeadLetterMonitorDeps, startDeadLetterMonitor } from './monitor.ts';
import { replayLetters } from './replay.ts';
import {
  appendLetter,
  appendLetters,
  letterFor,
  openTestLog,
  reading,
  type TestLog,
  TOPICS,
  testDeps,
  withCalls,
} from './testing/log-with-letters.ts';

const DAY_MS = 86_400_000;
const options = { topics: TOPICS, retentionMs: 30 * DAY_MS };
const never = new AbortController().signal;

describe('the monitor of pending letters', () => {
  let under: TestLog;
  let now: number;
  let deps: DeadLetterMonitorDeps;
  let monitor: DeadLetterMonitor;
  beforeEach(async () => {
    under = await openTestLog();
    now = Date.now();
    deps = { ...testDeps(() => now), eventLog: under.log };
  });
  afterEach(() => under[Symbol.asyncDispose]());

  const start = (eventLog: EventLog = under.log): void => {
    deps = { ...deps, eventLog };
    monitor = new DeadLetterMonitor(options, deps);
  };
  const metric = async (name: string) => (await deps.metrics.getSingleMetric(name)?.get())?.values ?? [];
  const pending = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await metric('dead_letters_pending'))
        .filter(({ value }) => value > 0)
        .map(({ labels, value }) => [labels.reason, value]),
    );
  const expirySeconds = async () => (await metric('dead_letters_oldest_pending_expiry_seconds'))[0]?.value;

  test('a clock that jumped lets no letter look as if it expired, until it is believed', async () => {
    await appendLetter(under.log, letterFor('a', '{'));
    let clockTrouble: string | undefined;
    start(withCalls(under.log, { health: () => ({ ...under.log.health(), clockTrouble }) }));
    await monitor.look(never);
    expect(await expirySeconds()).toBeGreaterThan(29 * 86_400);
    now += 200 * DAY_MS;
    clockTrouble = 'the clock is 200 days ahead';
    await monitor.look(never);
    expect(await expirySeconds()).toBeUndefined();
    expect(await pending()).toEqual({ 'malformed-json': 1 });
    clockTrouble = undefined;
    await monitor.look(never);
    expect(await expirySeconds()).toBe(0);
  });

  test('has no series before its first look, and all of them after it', async () => {
    start();
    expect(await metric('dead_letters_pending')).toEqual([]);
    await monitor.look(never);
    const values = await metric('dead_letters_pending');
    expect(values.map(({ labels }) => labels.reason)).toEqual(REJECT_REASONS);
    expect(values.every(({ value }) => value === 0)).toBe(true);
    expect(await expirySeconds()).toBeUndefined();
  });

  test('who asks for the number brings the next look forward: it follows what was changed meanwhile', async () => {
    await using _monitor = startDeadLetterMonitor({ ...options, intervalMs: DAY_MS }, deps);
    await eventually(async () => expect(await metric('dead_letters_pending')).not.toEqual([]));
    await appendLetter(under.log, letterFor('a', '{'));
    await eventually(async () => expect(await pending()).toEqual({ 'malformed-json': 1 }));
  });

  test('follows letters, replays, parking and dismissals; foreign records count as undecodable', async () => {
    start();
    await appendLetters(under.log, [
      letterFor('a', reading(1)),
      letterFor('b', reading(2, { schema: 'x/1' })),
      letterFor('c', '{'),
    ]);
    await under.log.append(
      { topic: TOPICS.deadLetters, key: '', value: null, headers: {} },
      performance.now() + 60_000,
    );
    await monitor.look(never);
    expect(await pending()).toEqual({ 'unknown-schema': 2, 'malformed-json': 1, 'undecodable-record': 1 });

    const letters = { eventLog: under.log, topics: TOPICS, now: Date.now };
    const replay = () => replayLetters({ filter: {}, dryRun: false, signal: never }, letters, loadSchemas());
    await replay();
    await monitor.look(never);
    expect(await pending()).toEqual({ 'unknown-schema': 1, 'malformed-json': 1, 'undecodable-record': 1 });
    await replay();
    await replay();
    await dismissLetters(
      { filter: { reasons: new Set(['undecodable-record']) }, dryRun: false, signal: never },
      letters,
    );
    await monitor.look(never);
    expect(await pending()).toEqual({ 'replay-limit': 2 });

    // One that starts now sees the same.
    deps = { ...testDeps(() => now), eventLog: under.log };
    start();
    await monitor.look(never);
    expect(await pending()).toEqual({ 'replay-limit': 2 });
  });

  test('what was dismissed and taken back waits again; what the log removed meanwhile does not, and is not lost', async () => {
    let oldestOffset = 0;
    start(
      withCalls(under.log, {
        progress: async (topic, group) =>
          (await under.log.progress(topic, group)).map((partition) =>
            topic === TOPICS.deadLetters ? { ...partition, oldestOffset } : partition,
          ),
      }),
    );
    const letters = { eventLog: under.log, topics: TOPICS, now: Date.now };
    const all = { filter: {}, dryRun: false, signal: never };
    await appendLetters(under.log, [letterFor('a', '{'), letterFor('b', reading(1)), letterFor('c', '}')]);
    await dismissLetters(all, letters);
    await monitor.look(never);
    expect(await pending()).toEqual({});
    await undismissLetters(all, letters);
    await monitor.look(never);
    expect(await pending()).toEqual({ 'malformed-json': 2, 'unknown-schema': 1 });

    await dismissLetters(all, letters);
    await monitor.look(never);
    await undismissLetters(all, letters);
    oldestOffset = 2;
    await monitor.look(never);
    expect(await pending()).toEqual({ 'malformed-json': 1 });
    expect((await metric('dead_letters_expired_total')).filter(({ value }) => value > 0)).toEqual([]);
  });

  test('reads only what is new', async () => {
    const read = vi.fn((...args: Parameters<EventLog['read']>) => under.log.read(...args));
    start(withCalls(under.log, { read }));
    await appendLetters(under.log, [letterFor('a', '{'), letterFor('a', '[')]);
    await monitor.look(never);
    await monitor.look(never);
    expect(read).toHaveBeenCalledTimes(1);
    await appendLetter(under.log, letterFor('a', '{}'));
    await monitor.look(never);
    expect(read).toHaveBeenCalledTimes(2);
    expect(read.mock.lastCall?.[1]?.from).toEqual(new Map([[0, 2]]));
    expect(Object.values(await pending()).reduce((a, b) => a + b)).toBe(3);
  });

  test('says how long the oldest pending letter will still be there', async () => {
    start();
    const id = await appendLetter(under.log, letterFor('a', '{'));
    now = Date.now() + 10 * DAY_MS;
    await monitor.look(never);
    expect(await expirySeconds()).toBeGreaterThan((20 * DAY_MS) / 1000 - 60);
    expect(await expirySeconds()).toBeLessThanOrEqual((20 * DAY_MS) / 1000);
    now += 40 * DAY_MS;
    await monitor.look(never);
    expect(await expirySeconds()).toBe(0);
    await dismissLetters(
      { filter: { ids: new Set([id]) }, dryRun: false, signal: never },
      {
        eventLog: under.log,
        topics: TOPICS,
        now: Date.now,
      },
    );
    await monitor.look(never);
    expect(await expirySeconds()).toBeUndefined();
  });

  test('goes by the retention that the log has now, which somebody may have shortened', async () => {
    let retentionMs: number | undefined;
    start(
      withCalls(under.log, {
        progress: async (topic, group) =>
          (await under.log.progress(topic, group)).map((each) => ({
            ...each,
            ...(retentionMs !== undefined && { retentionMs }),
          })),
      }),
    );
    const retentionSeconds = async () => (await metric('dead_letters_retention_seconds'))[0]?.value;
    await appendLetter(under.log, letterFor('a', '{'));
    await monitor.look(never);
    expect([await retentionSeconds(), Math.ceil(((await expirySeconds()) ?? 0) / 86_400)]).toEqual([
      30 * 86_400,
      30,
    ]);
    retentionMs = DAY_MS;
    await monitor.look(never);
    expect([await retentionSeconds(), Math.ceil(((await expirySeconds()) ?? 0) / 86_400)]).toEqual([
      86_400, 1,
    ]);
    retentionMs = Infinity;
    await monitor.look(never);
    expect(await expirySeconds()).toBe(Infinity);
  });

  test('a failed look takes the numbers away; the next one goes on', async () => {
    let away = false;
    const unavailable = () =>
      Promise.reject(new PipelineError('event-log-unavailable', 'away', { retryable: true }));
    start(
      withCalls(under.log, {
        progress: (topic, group) => (away ? unavailable() : under.log.progress(topic, group)),
      }),
    );
    await appendLetter(under.log, letterFor('a', '{'));
    await monitor.look(never);
    away = true;
    await monitor.look(never);
    expect(await metric('dead_letters_pending')).toEqual([]);
    expect(await expirySeconds()).toBeUndefined();
    away = false;
    await monitor.look(never);
    expect(await pending()).toEqual({ 'malformed-json': 1 });
  });

  test('a look that fails half way counts nothing twice', async () => {
    let failAfter = 2;
    start(
      withCalls(under.log, {
        async *read(topic, readOptions) {
          for await (const record of under.log.read(topic, readOptions)) {
            if (failAfter-- === 0) throw new Error('connection lost');
            yield record;
          }
        },
      }),
    );
    await appendLetters(under.log, [letterFor('a', '{'), letterFor('a', '['), letterFor('a', '}')]);
    await monitor.look(never);
    expect(await metric('dead_letters_pending')).toEqual([]);
    await monitor.look(never);
    expect(await pending()).toEqual({ 'malformed-json': 3 });
  });

  test('letters that expired while pending are not pending, and are counted as lost', async () => {
    let oldestOffset = 0;
    start(
      withCalls(under.log, {
        progress: async (topic, group) =>
          (await under.log.progress(topic, group)).map((partition) =>
            topic === TOPICS.deadLetters ? { ...partition, oldestOffset } : partition,
          ),
      }),
    );
    await appendLetters(under.log, [letterFor('a', '{'), letterFor('a', reading(1)), letterFor('a', '}')]);
    await monitor.look(never);
    oldestOffset = 2;
    await monitor.look(never);
    expect(await pending()).toEqual({ 'malformed-json': 1 });
    const lost = (await metric('dead_letters_expired_total')).filter(({ value }) => value > 0);
    expect(lost.map(({ labels, value }) => [labels.reason, value])).toEqual([
      ['malformed-json', 1],
      ['unknown-schema', 1],
    ]);
  });

  test('a log that was created anew is read from its beginning', async () => {
    await using anew = await openTestLog();
    let current = under.log;
    start(
      withCalls(under.log, {
        progress: (topic, group) => current.progress(topic, group),
        read: (topic, readOptions) => current.read(topic, readOptions),
      }),
    );
    await appendLetters(under.log, [letterFor('a', '{'), letterFor('a', '[')]);
    await monitor.look(never);
    await appendLetter(anew.log, letterFor('a', reading(1)));
    current = anew.log;
    await monitor.look(never);
    expect(await pending()).toEqual({ 'unknown-schema': 1 });
  });

  test('looks by itself until it is closed', async () => {
    await appendLetter(under.log, letterFor('a', '{'));
    await using _monitor = startDeadLetterMonitor({ ...options, intervalMs: 10 }, deps);
    await eventually(async () => expect(await pending()).toEqual({ 'malformed-json': 1 }));
    await appendLetter(under.log, letterFor('a', '['));
    await eventually(async () => expect(await pending()).toEqual({ 'malformed-json': 2 }));
  });
});
