import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeDeadLetter, letterId } from '#contract/dead-letter.ts';
import { encodeLetterState } from '#contract/letter-state.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { decodeTelemetryRecord } from '#contract/telemetry-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { refused } from '#event-log/pending-append.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { deadLettersLock } from './dead-letters-lock.ts';
import type { DeadLettersDeps } from './letter-states.ts';
import { readLetterStates } from './letter-states.ts';
import { type Letter, readLetter, readLetters, statusOf } from './letters.ts';
import { type ReplayOptions, type ReplaySummary, replayLetters } from './replay.ts';
import {
  appendLetter,
  appendLetters,
  letterFor,
  openTestLog,
  reading,
  type TestLog,
  TOPICS,
  withCalls,
} from './testing/log-with-letters.ts';
import { readAll, seqOf } from './testing/run-replay.ts';

const schemas = loadSchemas();
const none: SchemaRegistry = new Map();

describe('replay', () => {
  let under: TestLog;
  let log: EventLog;
  let deps: DeadLettersDeps;
  beforeEach(async () => {
    under = await openTestLog();
    log = await under.beside();
    deps = { eventLog: log, topics: TOPICS, now: Date.now };
  });
  afterEach(() => under[Symbol.asyncDispose]());

  const replay = (more: Partial<ReplayOptions> = {}, registry = schemas): Promise<ReplaySummary> =>
    replayLetters(
      { filter: {}, dryRun: false, signal: new AbortController().signal, ...more },
      deps,
      registry,
    );
  const letters = async (): Promise<Letter[]> =>
    Array.fromAsync(readLetters(log, TOPICS, await readLetterStates(log, TOPICS)));
  const statuses = async (): Promise<string[]> => (await letters()).map((l) => `${l.reason} ${statusOf(l)}`);

  test('what an operator said of the device when its message came stays with it', async () => {
    const labels = '{"site":"a"}';
    await appendLetter(log, letterFor('dev-1', reading(1), { labels, measurement: 'main' }));
    await appendLetter(log, letterFor('dev-2', reading(2)));
    await replay();
    const records = await readAll(log, TOPICS.telemetry);
    expect(records.map(({ headers }) => headers.labels).sort()).toEqual([labels, undefined]);
    expect(records.map(({ headers }) => headers['measurement']).sort()).toEqual(['main', undefined]);
  });

  test('[P2] letters of a gateway that was an hour behind: parked, and brought back by another time', async () => {
    const now = Date.now();
    const receivedAt = now - 3_600_000;
    await appendLetter(
      log,
      letterFor('dev-1', reading(1, { ts: now }), { receivedAt, reason: 'timestamp-out-of-range' }),
    );
    await appendLetter(log, letterFor('dev-2', '{', { receivedAt, reason: 'malformed-json' }));
    for (let attempt = 0; attempt < 3; attempt++) await replay();
    expect((await statuses()).filter((status) => status.endsWith('parked'))).toEqual([
      'replay-limit parked',
      'replay-limit parked',
    ]);

    const filter = { reasons: new Set(['timestamp-out-of-range'] as const) };
    expect(await replay({ filter, judgeAt: now })).toMatchObject({ letters: 0 });
    expect(await replay({ filter, judgeAt: now, parked: true })).toMatchObject({ letters: 1, passed: 1 });
    expect((await readAll(log, TOPICS.telemetry)).map(seqOf)).toEqual([1]);
  });

  test('a letter that passes becomes the record its device sent, marked, and is not pending any more', async () => {
    const receivedAt = Date.now() - 86_400_000;
    const payload = reading(7, { ts: receivedAt - 5 });
    const letter = letterFor('dev-1', payload, { receivedAt, firstFailedAt: receivedAt + 3 });
    const id = await appendLetter(log, letter);
    expect(await replay()).toMatchObject({ letters: 1, passed: 1, failedAgain: 0, parked: 0 });

    const [record, ...others] = await readAll(log, TOPICS.telemetry);
    expect(others).toEqual([]);
    expect(record?.value?.toString()).toBe(payload);
    expect(record?.headers).toMatchObject({
      'dlq.attempt': '1',
      'dlq.first-failed-at': String(receivedAt + 3),
      'received-at': String(receivedAt),
      readings: '1',
    });
    expect(record && decodeTelemetryRecord(record, schemas)).toMatchObject({
      deviceId: 'dev-1',
      replay: { attempt: 1, firstFailedAt: receivedAt + 3 },
    });
    expect(await letters()).toMatchObject([
      { id, attempt: 1, state: { outcome: 'replayed', became: { partition: 0, offset: record?.offset } } },
    ]);
    expect(await replay()).toMatchObject({ letters: 0 });
    expect(await readAll(log, TOPICS.telemetry)).toHaveLength(1);
  });

  test('readings of a device come in the order of their letters', async () => {
    const devices = ['a', 'b', 'c'];
    await appendLetters(
      log,
      Array.from({ length: 300 }, (_, i) => letterFor(devices[i % 3] as string, reading(i))),
    );
    expect(await replay()).toMatchObject({ passed: 300 });
    const records = await readAll(log, TOPICS.telemetry);
    for (const device of devices) {
      const seqs = records.filter((r) => String(r.key) === device).map(seqOf);
      expect(seqs).toHaveLength(100);
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    }
  });

  test('a dry run says what would happen and changes nothing', async () => {
    await appendLetters(log, [
      letterFor('a', reading(1)),
      letterFor('a', reading(2, { schema: 'x/1' })),
      letterFor('a', '{'),
    ]);
    const before = await letters();
    const summary = await replay({ dryRun: true });
    expect(summary).toMatchObject({ letters: 3, passed: 1, failedAgain: 2 });
    expect([...summary.why].map(([reason, { letters: n }]) => [reason, n])).toEqual([
      ['unknown-schema', 1],
      ['malformed-json', 1],
    ]);
    expect(await letters()).toEqual(before);
    expect(await readAll(log, TOPICS.telemetry)).toEqual([]);
  });

  test('a poison letter ends parked, once, and is left alone afterwards', async () => {
    const id = await appendLetter(
      log,
      letterFor('dev-1', reading(1, { schema: 'poison/1' }), { mqttClientId: 'c' }),
    );
    expect(await replay()).toMatchObject({ failedAgain: 1, parked: 0 });
    expect(await letters()).toMatchObject([
      {
        id,
        reason: 'unknown-schema',
        attempt: 1,
        state: { outcome: 'failed-again', reason: 'unknown-schema' },
      },
    ]);
    expect(await replay()).toMatchObject({ failedAgain: 1, parked: 0 });
    expect(await replay()).toMatchObject({ failedAgain: 0, parked: 1 });
    expect(await replay()).toMatchObject({ letters: 0, leftParked: 1 });

    expect(await statuses()).toEqual(['unknown-schema superseded', 'replay-limit parked']);
    const [original, parked] = await readAll(log, TOPICS.deadLetters);
    expect(parked?.value).toEqual(original?.value);
    expect(parked?.headers).toMatchObject({
      'dlq.reason': 'replay-limit',
      'dlq.original-reason': 'unknown-schema',
      'dlq.attempt': '3',
      'dlq.first-failed-at': original?.headers['dlq.first-failed-at'],
      'received-at': original?.headers['received-at'],
      'mqtt.client-id': 'c',
    });
    expect(await readAll(log, TOPICS.telemetry)).toEqual([]);
  });

  test('a parked letter passes when it is asked for and its cause is gone; a failure does not add letters', async () => {
    await appendLetter(
      log,
      letterFor('a', reading(1), { reason: 'replay-limit', originalReason: 'unknown-schema', attempt: 3 }),
    );
    const filter = { reasons: new Set(['replay-limit' as const]) };
    expect(await replay({ filter }, none)).toMatchObject({ failedAgain: 1 });
    expect(await statuses()).toEqual(['replay-limit parked']);
    expect(await replay({ filter })).toMatchObject({ passed: 1 });
    expect(await statuses()).toEqual(['replay-limit replayed']);
    expect((await readAll(log, TOPICS.telemetry))[0]?.headers['dlq.attempt']).toBe('5');
  });

  test('a parked letter is known by its reason, and by the one before', async () => {
    await appendLetter(
      log,
      letterFor('a', reading(1), { reason: 'replay-limit', originalReason: 'unknown-schema', attempt: 3 }),
    );
    const chosen = (reason: RejectReason) =>
      replay({ filter: { reasons: new Set([reason]) }, parked: true, dryRun: true });
    expect(await chosen('replay-limit')).toMatchObject({ letters: 1 });
    expect(await chosen('unknown-schema')).toMatchObject({ letters: 1 });
    expect(await chosen('schema-violation')).toMatchObject({ letters: 0 });
  });

  test('a reading that the store refuses again and again counts on, and is parked', async () => {
    // What the writer does: it takes the mark of the replayed record over into its letter.
    const refused = (attempt: number) =>
      letterFor('a', reading(1), {
        reason: 'store-rejected',
        detail: { message: 'field type conflict' },
        stage: 'telemetry-writer',
        attempt,
      });
    await appendLetter(log, refused(0));
    for (const round of [1, 2, 3]) {
      expect(await replay()).toMatchObject({ passed: 1 });
      const attempt = (await readAll(log, TOPICS.telemetry)).at(-1)?.headers['dlq.attempt'];
      expect(attempt).toBe(String(round));
      await appendLetter(log, refused(round));
    }
    expect(await replay()).toMatchObject({ letters: 1, passed: 0, parked: 1 });
    expect((await letters()).at(-1)).toMatchObject({
      reason: 'replay-limit',
      originalReason: 'store-rejected',
      stage: 'telemetry-writer',
      detail: { message: 'field type conflict' },
      attempt: 3,
    });
  });

  test('[P5] of a batch the good readings pass, and each bad one becomes a letter', async () => {
    const bad = reading(2, { schema: 'x/1' });
    await appendLetter(
      log,
      letterFor('a', `[${reading(1)}, ${bad} ,${reading(3)}]`, { reason: 'store-rejected' }),
    );
    expect(await replay()).toMatchObject({ letters: 1, passed: 1 });
    const [record] = await readAll(log, TOPICS.telemetry);
    expect(record?.headers['readings']).toBe('2');
    const [, refused] = await readAll(log, TOPICS.deadLetters);
    expect(refused && decodeDeadLetter(refused)).toMatchObject({
      reason: 'unknown-schema',
      index: 1,
      attempt: 1,
      payload: Buffer.from(bad),
    });
    expect(await statuses()).toEqual(['store-rejected replayed', 'unknown-schema pending']);
  });

  test('filters choose, and an id chooses exactly', async () => {
    const ids: string[] = [];
    for (const seq of [1, 2, 3]) ids.push(await appendLetter(log, letterFor(`dev-${seq}`, reading(seq))));
    expect(await replay({ filter: { devices: new Set(['dev-2']) } })).toMatchObject({
      letters: 1,
      passed: 1,
    });
    expect(await replay({ filter: { ids: new Set([ids[2] as string]) } })).toMatchObject({
      letters: 1,
      passed: 1,
    });
    expect((await readAll(log, TOPICS.telemetry)).map(seqOf)).toEqual([2, 3]);
  });

  test('what cannot be replayed stays as it is, uncounted, and is told', async () => {
    await appendLetter(log, letterFor('a', 'x'.repeat(70_000)));
    await log.append(
      {
        topic: TOPICS.deadLetters,
        key: '\u001b',
        value: Buffer.from([0, 255]),
        headers: { 'dlq.reason': 'sold' },
      },
      performance.now() + 60_000,
    );
    for (let i = 0; i < 5; i++) expect(await replay()).toMatchObject({ letters: 2, unreplayable: 2 });
    expect(await statuses()).toEqual(['payload-too-large pending', 'undecodable-record pending']);
    expect(await readAll(log, TOPICS.deadLetterState)).toEqual([]);
  });

  test('[P2] dying between the two appends repeats the replay, which adds nothing but the same reading', async () => {
    await appendLetters(log, [letterFor('a', reading(1)), letterFor('a', reading(2))]);
    const dying = withCalls(log, {
      append: (record, deadlineAt) =>
        record.topic === TOPICS.deadLetterState
          ? Promise.reject(new Error('died'))
          : log.append(record, deadlineAt),
    });
    const options = { filter: {}, dryRun: false, signal: new AbortController().signal };
    await expect(replayLetters(options, { ...deps, eventLog: dying }, schemas)).rejects.toThrow('died');
    expect(await statuses()).toEqual(['unknown-schema pending', 'unknown-schema pending']);
    expect(await replay()).toMatchObject({ passed: 2 });
    const records = await readAll(log, TOPICS.telemetry);
    expect(new Set(records.map((r) => String(r.value))).size).toBe(2);
    expect(await replay()).toMatchObject({ letters: 0 });
  });

  test('[P2] the outcome is kept only once the reading is durable', async () => {
    await appendLetter(log, letterFor('a', reading(1)));
    const states: unknown[] = [];
    const failing = withCalls(log, {
      append: (record, deadlineAt) => {
        if (record.topic === TOPICS.telemetry) return Promise.reject(new Error('not durable'));
        states.push(record);
        return log.append(record, deadlineAt);
      },
    });
    const options = { filter: {}, dryRun: false, signal: new AbortController().signal };
    await expect(replayLetters(options, { ...deps, eventLog: failing }, schemas)).rejects.toThrow(
      'not durable',
    );
    expect(states).toEqual([]);
    expect(await statuses()).toEqual(['unknown-schema pending']);
  });

  test('[P2] a reading that the log refuses fails no command: it is said, and its letter stays', async () => {
    await appendLetter(log, letterFor('a', reading(1)));
    await appendLetter(log, letterFor('b', reading(2)));
    const refusing = withCalls(log, {
      append: (record, deadlineAt) =>
        record.topic === TOPICS.telemetry && record.key === 'a'
          ? Promise.reject(refused('MESSAGE_TOO_LARGE', record.value))
          : log.append(record, deadlineAt),
    });
    deps = { ...deps, eventLog: refusing };
    const summary = await replay();
    expect(summary).toMatchObject({ letters: 2, passed: 1, failedAgain: 1 });
    expect(summary.why.get('refused-by-log')).toMatchObject({
      letters: 1,
      example: { detail: { message: expect.stringContaining('MESSAGE_TOO_LARGE') } },
    });
    expect(await statuses()).toEqual(['unknown-schema pending', 'unknown-schema replayed']);
    deps = { ...deps, eventLog: log };
    expect(await replay()).toMatchObject({ letters: 1, passed: 1 });
  });

  test('[P5] a letter that the log takes no more in its size is parked, cut', async () => {
    const payload = reading(1, { schema: 'poison/1' });
    await appendLetter(log, letterFor('a', payload));
    const taking80Bytes = withCalls(log, {
      append: (record, deadlineAt) =>
        record.topic === TOPICS.deadLetters && (record.value?.length ?? 0) > 80
          ? Promise.reject(refused('MESSAGE_TOO_LARGE', record.value))
          : log.append(record, deadlineAt),
    });
    deps = { ...deps, eventLog: taking80Bytes };
    for (const parked of [0, 0, 1]) expect(await replay()).toMatchObject({ parked });
    const [original, cut] = await readAll(log, TOPICS.deadLetters);
    expect(original?.value?.length).toBeGreaterThan(80);
    expect(cut?.value).toEqual(original?.value?.subarray(0, 64));
    expect(await statuses()).toEqual(['unknown-schema superseded', 'replay-limit parked']);
  });

  test('one at a time: a second says so', async () => {
    const other = await under.beside();
    const held = await other.acquireLock(deadLettersLock(TOPICS));
    await expect(replay()).rejects.toThrow(/another command or console changes dead letters/);
    expect(await replay({ dryRun: true })).toMatchObject({ letters: 0 });
    await held?.[Symbol.asyncDispose]();
    expect(await replay()).toMatchObject({ letters: 0 });
  });

  test('a signal ends it after what is in flight; the next run does the rest', async () => {
    await appendLetters(
      log,
      Array.from({ length: 200 }, (_, i) => letterFor('a', reading(i))),
    );
    const interrupt = new AbortController();
    const first = await replay({
      signal: interrupt.signal,
      onProgress: ({ letters: done }) => {
        if (done === 50) interrupt.abort(new Error('interrupted'));
      },
    });
    expect(first.interrupted).toBe(true);
    expect(first.passed).toBeGreaterThanOrEqual(50);
    expect(first.passed).toBeLessThan(200);
    const second = await replay();
    expect(first.passed + second.passed).toBe(200);
    expect(await readAll(log, TOPICS.telemetry)).toHaveLength(200);
  });

  test('states of letters that retention removed are removed', async () => {
    const [gone] = await appendLetters(log, [letterFor('a', reading(1))]);
    await replay();
    const end = { committedOffset: -1, backlog: 0, backlogSince: null };
    const later = withCalls(log, {
      progress: async () => [{ partition: 0, oldestOffset: 1, endOffset: 1, ...end }],
    });
    const options = { filter: {}, dryRun: false, signal: new AbortController().signal };
    await replayLetters(options, { ...deps, eventLog: later }, schemas);
    expect((await readLetterStates(log, TOPICS)).get(0)?.size ?? 0).toBe(0);
    const records = await readAll(log, TOPICS.deadLetterState);
    expect(records.at(-1)).toMatchObject({
      key: Buffer.from(letterId(gone ?? { partition: -1, offset: -1 })),
      value: null,
    });
  });

  test('records of other programs in the state topic harm nothing', async () => {
    const id = await appendLetter(log, letterFor('a', reading(1)));
    const foreign = [
      { key: id, value: Buffer.from('nonsense') },
      { key: '\u0000', value: Buffer.from([255]) },
    ];
    for (const record of foreign) {
      await log.append({ topic: TOPICS.deadLetterState, headers: {}, ...record }, performance.now() + 60_000);
    }
    expect(await statuses()).toEqual(['unknown-schema pending']);
    expect(await replay()).toMatchObject({ passed: 1 });
  });

  test('one letter is found by its place', async () => {
    const [first, second] = await appendLetters(log, [
      letterFor('a', reading(1)),
      letterFor('b', reading(2)),
    ]);
    await log.append(
      encodeLetterState(TOPICS.deadLetterState, second ?? { partition: -1, offset: -1 }, {
        outcome: 'dismissed',
        at: 1,
        attempt: 0,
      }),
      performance.now() + 60_000,
    );
    expect(await readLetter(log, TOPICS, first ?? { partition: 0, offset: 0 })).toMatchObject({
      deviceId: 'a',
      state: undefined,
    });
    expect(await readLetter(log, TOPICS, second ?? { partition: 0, offset: 0 })).toMatchObject({
      deviceId: 'b',
      state: { outcome: 'dismissed' },
    });
    expect(await readLetter(log, TOPICS, { partition: 0, offset: 2 })).toBeUndefined();
    expect(await readLetter(log, TOPICS, { partition: 5, offset: 0 })).toBeUndefined();
  });
});
