import { describe, expect, it } from 'vitest';
import type {
  Job,
  JobList,
  JobStarted,
  LetterGroups,
  LetterStory,
  LettersOverTime,
  LettersPage,
} from '#console/api/dead-letters.ts';
import type { ApiError } from '#console/api/session.ts';
import { heldLog } from '#console/server/testing/held-log.ts';
import { goodReading, TestConsole } from '#console/server/testing/test-console.ts';
import { encodeDeadLetter } from '#contract/dead-letter.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { letterFor, TOPICS, withCalls } from '#processors/dead-letters/testing/log-with-letters.ts';
import { PipelineError } from '#runtime/errors.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { LetterIndex } from './letter-index.ts';

const HOT = '{"schema":"environment/1","ts":NOW,"seq":9,\n "values":{"temperature":"hot","humidity":44}}';
/** Markup, a right-to-left override, an escape sequence, a zero-width joiner. */
const HOSTILE = '<script>alert(1)</script>\u202e\u001b[31m\u200d';

const hot = (): string => HOT.replace('NOW', String(Date.now()));

async function run(test: TestConsole, path: string, body: object): Promise<Job> {
  const answer = await test.post(path, body);
  expect(answer.status, await answer.clone().text()).toBe(202);
  const { job } = (await answer.json()) as JobStarted;
  return eventually(async () => {
    const state = await test.get<Job>(`/jobs/${job}`);
    expect(state.state).not.toBe('running');
    return state;
  });
}

describe('dead letters', () => {
  it('are listed, grouped, counted over time and told in full, with the fault in its place', async () => {
    await using test = await TestConsole.start({ writes: false });
    const payload = hot();
    await test.publish('dev-1', payload, payload, '{', goodReading(1));
    const page = await test.get<LettersPage>('/dead-letters');
    expect(page).toMatchObject({ total: 2, matching: 3, next: null, looked: { letters: 3, older: false } });
    expect(page.letters.map(({ reason, copies }) => [reason, copies]).sort()).toEqual([
      ['malformed-json', 1],
      ['schema-violation', 2],
    ]);
    const first = await test.get<LettersPage>('/dead-letters?limit=1');
    const second = await test.get<LettersPage>(`/dead-letters?limit=1&cursor=${first.next}`);
    expect([...first.letters, ...second.letters]).toEqual(page.letters);
    const filtered = await test.get<LettersPage>(
      '/dead-letters?reason=schema-violation&device=dev-1&schema=environment/1',
    );
    expect(filtered.total).toBe(1);
    expect((await test.get<LettersPage>('/dead-letters?device=dev-2')).total).toBe(0);
    expect((await test.get<LettersPage>('/dead-letters?state=dismissed')).total).toBe(0);

    const { groups } = await test.get<LetterGroups>('/dead-letters/groups');
    expect(groups.map(({ reason, count, devices }) => [reason, count, devices])).toEqual([
      ['schema-violation', 2, 1],
      ['malformed-json', 1, 1],
    ]);
    const { times, reasons } = await test.get<LettersOverTime>('/dead-letters/over-time?minutes=60');
    expect(times).toHaveLength(60);
    expect(reasons.map(({ reason, counts }) => [reason, counts.reduce((a, b) => a + b, 0)])).toEqual([
      ['malformed-json', 1],
      ['schema-violation', 2],
    ]);

    const id = filtered.letters[0]?.id as string;
    const story = await test.get<LetterStory>(`/dead-letters/${id}`);
    expect(story.payload).toEqual({ text: payload, base64: null, bytes: payload.length, truncated: false });
    expect(story.faults).toEqual([
      {
        path: '/values/temperature',
        message: 'must be number',
        offset: payload.indexOf('"hot"'),
        length: 5,
        line: 2,
        column: 26,
      },
    ]);
    expect(story).toMatchObject({ seq: 9, replayToday: { passes: false } });
    expect(story.duplicates).toHaveLength(1);
    expect(story.headers['dlq.reason']).toBe('schema-violation');
    expect((await test.ask('/api/v1/dead-letters/7-700')).status).toBe(404);
    expect((await test.ask('/api/v1/dead-letters/%3Cb%3E')).status).toBe(400);
    expect((await test.ask('/api/v1/dead-letters?reason=none')).status).toBe(400);
  });

  it('are dismissed, taken back, corrected and replayed by the operations of the command, and audited', async () => {
    await using test = await TestConsole.start();
    await test.publish('dev-1', hot(), '{');
    const { letters } = await test.get<LettersPage>('/dead-letters?reason=schema-violation');
    const id = letters[0]?.id as string;
    const waiting = async () => (await test.get<LettersPage>('/dead-letters')).total;

    const dry = await run(test, '/dead-letters/dismiss', { filter: { device: 'dev-1' }, dryRun: true });
    expect(dry).toMatchObject({ state: 'done', dryRun: true, counts: { dismissed: 2 } });
    expect(await waiting()).toBe(2);
    await run(test, '/dead-letters/dismiss', { filter: { reason: 'malformed-json' }, dryRun: false });
    expect(await waiting()).toBe(1);
    expect((await test.get<LettersPage>('/dead-letters?state=dismissed')).total).toBe(1);
    const ofStatus = async (kind: string, state: string) =>
      (await run(test, `/dead-letters/${kind}`, { filter: { device: 'dev-1', state }, dryRun: true })).done;
    expect(await ofStatus('dismiss', 'parked'), 'those that the filter names, no others').toBe(0);
    expect(await ofStatus('dismiss', 'dismissed')).toBe(0);
    expect(await ofStatus('replay', 'pending')).toBe(1);
    await run(test, '/dead-letters/undo', { filter: { state: 'dismissed' }, dryRun: false });
    expect(await waiting()).toBe(2);

    const again = await run(test, '/dead-letters/replay', { ids: [id], dryRun: false });
    expect(again).toMatchObject({ done: 1, counts: { passed: 0, failedAgain: 1 } });
    expect(again.why).toMatchObject([{ reason: 'schema-violation', letters: 1, example: id }]);

    const wrong = await run(test, '/dead-letters/submit', { id, payload: hot(), dryRun: false });
    expect(wrong.counts).toEqual({ recovered: 0, refused: 1 });
    expect(wrong.sentence).toContain('/values/temperature must be number');
    expect(wrong.faults).toMatchObject([
      { path: '/values/temperature', message: 'must be number', offset: hot().indexOf('"hot"'), length: 5 },
    ]);
    for (const [refused, marked] of [
      ['{"schema":"environment/1",', ''],
      ['{"schema":"none/1"}', '"none/1"'],
      ['{"schema":"environment/1","ts":1,"values":{"temperature":1,"humidity":1}}', '1'],
    ] as const) {
      const { faults } = await run(test, '/dead-letters/submit', { id, payload: refused, dryRun: true });
      const at = faults[0]?.offset ?? Number.NaN;
      expect(refused.slice(at, at + (faults[0]?.length ?? 0)), refused).toBe(marked);
      expect(at, refused).toBeGreaterThan(0);
    }
    const payload = hot().replace('"hot"', '21.5');
    const mended = await run(test, '/dead-letters/submit', { id, payload, dryRun: false });
    expect(mended.counts).toEqual({ recovered: 1, refused: 0 });
    expect(await test.get<LetterStory>(`/dead-letters/${id}`)).toMatchObject({ status: 'recovered' });
    await eventually(async () =>
      expect(await test.store.latest('dev-1', 10)).toMatchObject([{ seq: 9, values: { temperature: 21.5 } }]),
    );
    expect(test.audited.map(({ event }) => event)).toEqual(
      ['dismiss', 'undo', 'replay', 'submit', 'submit'].flatMap((action) => [
        `console ${action}`,
        `console ${action} ended`,
      ]),
    );
    const [begun, ended] = test.audited.slice(-2);
    expect(begun).toMatchObject({ address: '127.0.0.1', id, job: mended.id });
    expect(ended).toMatchObject({ job: mended.id, state: 'done', counts: { recovered: 1, refused: 0 } });
    expect(await test.metric('console_actions_total')).toBe(5);
  });

  it('that are one row are changed together, as many as the row says, and taken back together', async () => {
    await using test = await TestConsole.start({ writes: false });
    await test.publish('dev-1', '{', '{', '{', 'other');
    await test.publish('dev-2', '{');
    const filter = { device: 'dev-1' };
    const { letters } = await test.get<LettersPage>('/dead-letters?device=dev-1');
    const { id = '', copies } = letters.find((letter) => letter.copies > 1) ?? {};
    const chosen = { ids: [id], copies: true };
    const dismissed = await run(test, '/dead-letters/dismiss', { ...chosen, filter, dryRun: false });
    expect([copies, dismissed.done]).toEqual([3, 3]);
    const left = await test.get<LettersPage>('/dead-letters');
    expect(left.letters.map(({ device }) => device).sort()).toEqual(['dev-1', 'dev-2']);
    const undo = { ...chosen, filter: { ...filter, state: 'dismissed' }, dryRun: false };
    expect((await run(test, '/dead-letters/undo', undo)).done).toBe(3);
    expect((await run(test, '/dead-letters/dismiss', { ids: [id], dryRun: false })).done, 'by itself').toBe(
      1,
    );
  });

  it('of a type with a comma in its name are found by that name', async () => {
    await using test = await TestConsole.start({ writes: false });
    const names = ['a,b', 'a', 'b', 'a\\', ' a,\\b '];
    const written = ['a\\,b', 'a', 'b', 'a\\\\', '\\ a\\,\\\\b\\ '];
    await test.publish('dev-1', ...names.map((schema) => JSON.stringify({ schema })));
    const named = async (schema: string) => {
      const { letters } = await test.get<LettersPage>(`/dead-letters?schema=${encodeURIComponent(schema)}`);
      return letters.map((letter) => letter.schema).sort();
    };
    for (const [index, name] of names.entries()) expect(await named(written[index] ?? '')).toEqual([name]);
    expect(await named('a, b')).toEqual(['a', 'b']);
  });

  it('are not changed all at once, and not by two at a time', async () => {
    await using test = await TestConsole.start({ writes: false });
    await test.publish('dev-1', '{');
    for (const body of [
      { dryRun: false },
      { dryRun: false, filter: {} },
      { filter: {}, ids: [], dryRun: false },
      { filter: { reason: 'malformed-json', devcie: 'dev-1' }, dryRun: true },
      { filter: { since: null }, dryRun: true },
      { ids: ['0-0'], dryRun: null },
      { ids: ['0-0'], dryRun: 0 },
    ])
      expect((await test.post('/dead-letters/dismiss', body)).status).toBe(400);
    expect((await test.post('/dead-letters/dismiss', { ids: ['0-0'] })).status).toBe(400);
    await using _lock = await test.eventLog.acquireLock(`replay-${test.topics.deadLetters}`);
    const first = test.post('/dead-letters/dismiss', { ids: ['0-0'], dryRun: false });
    expect((await first).status).toBe(202);
    const other = await test.post('/dead-letters/replay', { ids: ['0-0'], dryRun: false });
    const { error } = (await other.json()) as ApiError;
    expect([other.status, error.code]).toEqual([409, 'locked']);
    expect(error.message).toBe(
      'A dismissal of 0 letters so far, begun from 127.0.0.1, is under way: wait for its end, or stop it.',
    );
    const check = await run(test, '/dead-letters/replay', { ids: ['0-0'], dryRun: true });
    expect(check.counts, 'what changes nothing is done beside it').toMatchObject({ failedAgain: 1 });
  });

  it.each(['replay', 'dismiss'])(
    'that a command changes are not counted for a %s: it is refused at once, and says that nothing was changed',
    async (kind) => {
      await using before = await TestConsole.start({ writes: false });
      await before.publish('dev-1', '{');
      let wholeReads = 0;
      const eventLog = withCalls(before.eventLog, {
        acquireLock: async (_, { onHeld } = {}) => {
          onHeld?.('a process on 192.0.2.7');
          return undefined;
        },
        read: (topic, asked) => {
          // Who reads on from where it was follows the news, as the monitor does.
          if (asked?.from === undefined) wholeReads++;
          return before.eventLog.read(topic, asked);
        },
      });
      await using test = await TestConsole.start({ writes: false, parts: { eventLog, store: before.store } });
      const job = await run(test, `/dead-letters/${kind}`, { filter: { device: 'dev-1' }, dryRun: false });
      expect(job).toMatchObject({ state: 'failed', total: null, done: 0 });
      expect(job.error).toBe(
        'another command or console changes dead letters of this event log (a process on 192.0.2.7), and only one may at a time',
      );
      expect(wholeReads).toBe(0);
    },
  );

  it('that are being changed are seen by everybody, with how far it is, who began it and who stopped it', async () => {
    await using before = await TestConsole.start({ writes: false });
    await before.publish('dev-1', ...Array.from({ length: 300 }, () => '{'));
    const { eventLog, goOn } = heldLog(before.eventLog, before.topics.deadLetterState, 100);
    await using test = await TestConsole.start({ writes: false, parts: { eventLog, store: before.store } });
    const body = { filter: { device: 'dev-1' }, dryRun: false };
    const { job } = (await (await test.post('/dead-letters/replay', body)).json()) as JobStarted;
    const newest = async () => (await test.get<JobList>('/jobs?limit=1')).jobs[0];
    await eventually(async () => expect((await newest())?.done).toBe(100));
    expect(await newest()).toMatchObject({
      id: job,
      kind: 'replay',
      state: 'running',
      from: '127.0.0.1',
      total: 300,
    });
    expect(await newest()).not.toHaveProperty('why');
    expect((await test.ask(`/api/v1/jobs/${job}`, { method: 'DELETE' })).status).toBe(200);
    goOn();
    await eventually(async () => expect((await newest())?.state).toBe('interrupted'));
    const { done = 0 } = (await newest()) ?? {};
    expect(done).toBeLessThan(300);

    await run(test, '/dead-letters/dismiss', { ...body, dryRun: true });
    expect((await newest())?.id, 'dry runs change nothing').toBe(job);
    const rest = await run(test, '/dead-letters/dismiss', body);
    expect([rest.done, rest.total]).toEqual([300, 300]);
    expect((await test.get<JobList>('/jobs')).jobs.map(({ id }) => id)).toEqual([rest.id, job]);
    expect(test.audited.map(({ event }) => event)).toEqual([
      'console replay',
      'console interrupt',
      'console replay ended',
      'console dismiss',
      'console dismiss ended',
    ]);
    expect(test.audited[1]).toMatchObject({ address: '127.0.0.1', job });
  });

  it('of which a log that went away left some undone: it is told how many were, and doing it once more does the rest', async () => {
    await using before = await TestConsole.start({ writes: false });
    await before.publish('dev-1', ...Array.from({ length: 300 }, () => '{'));
    let taken = 0;
    let isAway = true;
    const eventLog = withCalls(before.eventLog, {
      append: async (record, deadlineAt) => {
        if (isAway && record.topic === before.topics.deadLetterState && ++taken > 100)
          throw new PipelineError('not-durable', 'no broker took it in 30 s', { retryable: true });
        return before.eventLog.append(record, deadlineAt);
      },
    });
    await using test = await TestConsole.start({ writes: false, parts: { eventLog, store: before.store } });
    const body = { filter: { device: 'dev-1' }, dryRun: false };
    const failed = await run(test, '/dead-letters/dismiss', body);
    expect(failed).toMatchObject({ state: 'failed', total: 300, error: 'no broker took it in 30 s' });
    expect(test.audited.at(-1)).toMatchObject({ state: 'failed', counts: failed.counts });
    isAway = false;
    const rest = await run(test, '/dead-letters/dismiss', body);
    expect(rest.state).toBe('done');
    expect([failed.done > 0, failed.done + rest.done]).toEqual([true, 300]);
  });

  it('that are being changed stay known however many dry runs end beside it', async () => {
    await using before = await TestConsole.start({ writes: false });
    await before.publish('dev-1', '{', '{');
    const { eventLog, goOn } = heldLog(before.eventLog, before.topics.deadLetterState, 1);
    await using test = await TestConsole.start({ writes: false, parts: { eventLog, store: before.store } });
    const body = { filter: { device: 'dev-1' }, dryRun: false };
    const { job } = (await (await test.post('/dead-letters/replay', body)).json()) as JobStarted;
    await eventually(async () => expect((await test.get<Job>(`/jobs/${job}`)).done).toBe(1));
    for (let i = 0; i < 60; i++) await run(test, '/dead-letters/replay', { ids: ['0-0'], dryRun: true });
    expect((await test.get<Job>(`/jobs/${job}`)).state).toBe('running');
    expect((await test.post('/dead-letters/dismiss', body)).status).toBe(409);
    goOn();
    await eventually(async () => expect((await test.get<Job>(`/jobs/${job}`)).state).toBe('done'));
    expect(test.audited.map(({ event }) => event)).toContain('console replay ended');
  });

  it('tells how a job goes on by events, the last of them its result', async () => {
    await using test = await TestConsole.start({ writes: false });
    await test.publish('dev-1', '{');
    const answer = await test.post('/dead-letters/replay', { filter: { device: 'dev-1' }, dryRun: true });
    const { job } = (await answer.json()) as JobStarted;
    const events = await (await test.ask(`/api/v1/jobs/${job}/events`)).text();
    const last = /event: result\ndata: (.*)\n\n$/.exec(events)?.[1] ?? '{}';
    expect(JSON.parse(last)).toMatchObject({ id: job, state: 'done', done: 1, counts: { failedAgain: 1 } });
    expect((await test.ask('/api/v1/jobs/none')).status).toBe(404);
  });

  it('that are hostile are text in JSON, and never markup', async () => {
    await using test = await TestConsole.start({ writes: false });
    await test.publish('dev-1', HOSTILE, JSON.stringify({ schema: HOSTILE, ts: 1, values: {} }));
    for (const path of [
      '/dead-letters',
      '/dead-letters/groups',
      '/dead-letters/0-0',
      '/dead-letters/0-1',
      '/devices/dev-1',
    ]) {
      const answer = await test.ask(`/api/v1${path}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        'application/json; charset=utf-8',
      ]);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      await answer.json();
    }
    const { payload } = await test.get<LetterStory>('/dead-letters/0-0');
    expect(payload.text).toBe(HOSTILE);
    const tried = await test.post('/schemas/try', { topic: HOSTILE, payload: HOSTILE, client: HOSTILE });
    expect(tried.status).toBe(200);
  });
});

describe('the index of letters', () => {
  it('holds the newest, says that there are older ones, and reads only what is new', async () => {
    await using test = await TestConsole.start({ writes: false });
    const append = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          test.eventLog.append(
            encodeDeadLetter(test.topics.deadLetters, letterFor(`dev-${i}`, '{')),
            performance.now() + 60_000,
          ),
        ),
      );
    await append(30);
    let read = 0;
    let removed = 0;
    const log = {
      progress: async (...args: Parameters<typeof test.eventLog.progress>) =>
        (await test.eventLog.progress(...args)).map((partition) => ({
          ...partition,
          oldestOffset: Math.max(removed, partition.oldestOffset),
        })),
      async *read(...args: Parameters<typeof test.eventLog.read>) {
        for await (const record of test.eventLog.read(...args)) {
          read++;
          yield record;
        }
      },
    };
    using index = new LetterIndex(log, test.topics, 20);
    const first = await index.look();
    expect([first.letters.length, first.older, read]).toEqual([20, true, 20]);
    await append(3);
    index.outdated();
    const second = await index.look();
    expect([second.letters.length, second.older, read]).toEqual([20, true, 23]);
    removed = 14;
    index.outdated();
    const third = await index.look();
    expect([third.letters.length, third.older], 'retention has removed what was left out').toEqual([
      19,
      false,
    ]);
  });

  it('holds the newest of all partitions, whichever is read first', async () => {
    const [each, partitions, capacity] = [100, [0, 1, 2, 3, 4, 5], 20];
    const log: Pick<EventLog, 'read' | 'progress'> = {
      progress: async (topic) =>
        partitions.map((partition) => ({
          partition,
          oldestOffset: 0,
          committedOffset: -1,
          backlog: 0,
          backlogSince: null,
          endOffset: topic === TOPICS.deadLetters ? each : 0,
        })),
      async *read(topic, { from = new Map<number, number>() } = {}) {
        for (const [partition, first] of from)
          for (let offset = first; offset < each; offset++) {
            const { value, headers } = encodeDeadLetter(topic, letterFor('dev-1', '{'));
            yield {
              topic,
              partition,
              offset,
              timestamp: offset * 10 + partition,
              key: null,
              value: value && Buffer.from(value),
              headers,
            };
          }
      },
    };
    using index = new LetterIndex(log, TOPICS, capacity);
    const { letters, older } = await index.look();
    expect([letters.length, older]).toEqual([capacity, true]);
    const newest = letters.map(({ letter: { offset, partition } }) => `${offset}-${partition}`);
    expect(newest.slice(0, 7)).toEqual(['99-5', '99-4', '99-3', '99-2', '99-1', '99-0', '98-5']);
    expect(newest.at(-1)).toBe('96-4');
  });
});
