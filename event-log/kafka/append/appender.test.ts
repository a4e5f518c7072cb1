import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createKafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import { decodeRecordBatches } from '#event-log/kafka/wire/fetched-records.ts';
import type { ProduceAnswer, ProduceData, ProducedPartition } from '#event-log/kafka/wire/produce-request.ts';
import { promisedAppend } from '#event-log/pending-append.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { Appender } from './appender.ts';
import { partitionOf } from './partitioner.ts';

/** A request as the scripted brokers see it. */
interface Sent {
  readonly leader: number;
  readonly channel: string;
  readonly values: Readonly<Record<number, readonly string[]>>;
  readonly answer: PromiseWithResolvers<ProduceAnswer>;
}

interface Probe {
  readonly leader: number;
  readonly partitions: readonly { readonly partition: number; readonly batch: Buffer }[];
  readonly answer: PromiseWithResolvers<ProduceAnswer>;
}

const PARTITIONS = 4;
const TOPIC = 'readings';

/** A key for each partition. */
const keys = Array.from({ length: PARTITIONS }, (_, partition) => {
  for (let i = 0; ; i++) if (partitionOf(Buffer.from(`k${i}`), PARTITIONS) === partition) return `k${i}`;
});

const good = (partition: number, baseOffset = 0): ProducedPartition => ({
  partition,
  errorCode: 0,
  baseOffset: String(baseOffset),
});
const bad = (partition: number, errorCode: number): ProducedPartition => ({
  partition,
  errorCode,
  baseOffset: '-1',
});
const answerOf = (...partitions: ProducedPartition[]): ProduceAnswer => [{ topicName: TOPIC, partitions }];

function setUp(leaders: readonly (number | undefined)[] = [1, 1, 1, 1]) {
  const metrics = new Registry();
  const telemetry = createKafkaTelemetry({
    log: pino({ level: 'silent' }),
    metrics,
    now: Date.now,
    random: () => 0,
  });
  const requests: Sent[] = [];
  const probes: Probe[] = [];
  const refresh = vi.fn();
  const appender = new Appender({
    produce: async (leader, channel, data: ProduceData) => {
      if (channel === 'append-probe') {
        const answer = Promise.withResolvers<ProduceAnswer>();
        probes.push({ leader, answer, partitions: data.flatMap((each) => each.partitions) });
        return answer.promise;
      }
      const values: Record<number, string[]> = {};
      for (const { partition, batch } of data.flatMap(({ partitions }) => partitions)) {
        const records = await decodeRecordBatches(batch, () => null);
        values[partition] = records.map(({ value }) => String(value));
      }
      const answer = Promise.withResolvers<ProduceAnswer>();
      requests.push({ leader, channel, values, answer });
      return answer.promise;
    },
    onAnswer: () => undefined,
    follow: () => undefined,
    refresh,
    describeBroker: (leader) => `broker ${leader}`,
    onChange: () => undefined,
    telemetry,
    now: Date.now,
    random: () => 0,
  });
  const append = (partition: number, value: string, deadlineMs = 60_000) =>
    promisedAppend((caller) =>
      appender.appendFor(
        { topic: TOPIC, key: keys[partition] ?? '', value: Buffer.from(value), headers: {} },
        performance.now() + deadlineMs,
        caller,
      ),
    );
  const knowLeaders = (known = leaders) =>
    appender.onClusterView([{ name: TOPIC, leaders: known, errorCode: 0 }]);
  /** The nth request, when it comes. */
  const request = async (index: number): Promise<Sent> => {
    await eventually(() => expect(requests.length).toBeGreaterThan(index));
    return requests[index] as Sent;
  };
  const probe = async (index: number): Promise<Probe> => {
    await eventually(() => expect(probes.length).toBeGreaterThan(index));
    return probes[index] as Probe;
  };
  return { appender, append, knowLeaders, request, requests, probe, probes, refresh, metrics };
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => vi.useRealTimers());

describe('the guard', () => {
  test('[P1] a partition that the answer does not mention is not durable: its records are sent again', async () => {
    const { append, knowLeaders, request } = setUp();
    const [zero, one] = [append(0, 'a'), append(1, 'b')];
    knowLeaders();
    const first = await request(0);
    expect(first.values).toEqual({ 0: ['a'], 1: ['b'] });
    first.answer.resolve(answerOf(good(0, 7)));
    await expect(zero).resolves.toEqual({ partition: 0, offset: 7 });
    const second = await request(1);
    expect(second.values).toEqual({ 1: ['b'] });
    second.answer.resolve(answerOf(good(1, 3)));
    await expect(one).resolves.toEqual({ partition: 1, offset: 3 });
  });

  test('[P1] an answer about another topic, or without an offset, proves nothing', async () => {
    const { append, knowLeaders, request } = setUp();
    const appended = append(0, 'a');
    knowLeaders();
    (await request(0)).answer.resolve([{ topicName: 'other', partitions: [good(0)] }]);
    (await request(1)).answer.resolve(answerOf(good(0, -1)));
    (await request(2)).answer.resolve([]);
    (await request(3)).answer.resolve(answerOf(good(0, 1)));
    await expect(appended).resolves.toEqual({ partition: 0, offset: 1 });
  });

  test('[P1] the error of one partition makes only its own records come again', async () => {
    const { append, knowLeaders, request, refresh } = setUp();
    const appended = [0, 1, 2].map((partition) => append(partition, `v${partition}`));
    knowLeaders();
    (await request(0)).answer.resolve(answerOf(good(0), bad(1, 6), good(2)));
    const again = await request(1);
    expect(again.values).toEqual({ 1: ['v1'] });
    expect(refresh).toHaveBeenCalled();
    again.answer.resolve(answerOf(good(1)));
    await Promise.all(appended);
  });

  test('[P1] a request without an answer: everything in it is sent again', async () => {
    const { append, knowLeaders, request } = setUp();
    const appended = [0, 1].map((partition) => append(partition, `v${partition}`));
    knowLeaders();
    (await request(0)).answer.reject(new Error('connection closed'));
    const again = await request(1);
    expect(again.values).toEqual({ 0: ['v0'], 1: ['v1'] });
    again.answer.resolve(answerOf(good(0), good(1)));
    await Promise.all(appended);
  });
});

test('an answer counts as no request: a record right behind it goes at once', async () => {
  // The clock stands still: what waits for it never goes.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'] });
  const { append, knowLeaders, requests } = setUp();
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  };
  const first = append(0, 'a');
  knowLeaders();
  await turns();
  expect(requests).toHaveLength(1);
  requests[0]?.answer.resolve(answerOf(good(0)));
  await first;
  await turns();
  const second = append(0, 'b');
  await turns();
  expect(requests).toHaveLength(2);
  requests[1]?.answer.resolve(answerOf(good(0, 1)));
  await second;
});

describe('order', () => {
  test('[P4] one batch of a partition is unresolved at a time; what comes meanwhile is the next one', async () => {
    const { append, knowLeaders, request, requests } = setUp();
    const first = append(0, 'a');
    knowLeaders();
    const one = await request(0);
    const later = ['b', 'c'].map((value) => append(0, value));
    await append(1, 'other', 0).catch(() => undefined);
    expect(requests).toHaveLength(1);
    one.answer.resolve(answerOf(good(0, 0)));
    const two = await request(1);
    expect(two.values).toEqual({ 0: ['b', 'c'] });
    two.answer.resolve(answerOf(good(0, 1)));
    expect(await Promise.all([first, ...later])).toEqual(
      [0, 1, 2].map((offset) => ({ partition: 0, offset })),
    );
  });

  test('[P4] a retry stands in front of what came later', async () => {
    const { append, knowLeaders, request } = setUp();
    const appended = [append(0, 'a'), append(0, 'b')];
    knowLeaders();
    const one = await request(0);
    appended.push(append(0, 'c'));
    one.answer.resolve(answerOf(bad(0, 19)));
    const two = await request(1);
    expect(two.values).toEqual({ 0: ['a', 'b', 'c'] });
    two.answer.resolve(answerOf(good(0, 0)));
    await Promise.all(appended);
  });

  test('[P4] records that came before the partitions were known keep their order', async () => {
    const { append, knowLeaders, request } = setUp();
    const appended = ['a', 'b', 'c'].map((value) => append(2, value));
    knowLeaders();
    const one = await request(0);
    expect(one.values).toEqual({ 2: ['a', 'b', 'c'] });
    one.answer.resolve(answerOf(good(2)));
    await Promise.all(appended);
  });
});

describe('partitions do not hold each other up', () => {
  test('each leader gets a request of its own', async () => {
    const { append, knowLeaders, request } = setUp([1, 2, 1, 2]);
    const appended = [0, 1, 2, 3].map((partition) => append(partition, 'v'));
    knowLeaders();
    const sent = [await request(0), await request(1)];
    expect(sent.map(({ leader, values }) => [leader, Object.keys(values)])).toEqual([
      [1, ['0', '2']],
      [2, ['1', '3']],
    ]);
    sent[1]?.answer.resolve(answerOf(good(1), good(3)));
    await Promise.all([appended[1], appended[3]]);
    sent[0]?.answer.resolve(answerOf(good(0), good(2)));
    await Promise.all(appended);
  });

  test('a partition without a leader waits alone', async () => {
    const { append, knowLeaders, request } = setUp([undefined, 1, 1, 1]);
    const stuck = append(0, 'a');
    const fine = append(1, 'b');
    knowLeaders();
    const one = await request(0);
    expect(one.values).toEqual({ 1: ['b'] });
    one.answer.resolve(answerOf(good(1)));
    await fine;
    knowLeaders([1, 1, 1, 1]);
    (await request(1)).answer.resolve(answerOf(good(0)));
    await stuck;
  });

  test('one whose replicas did not answer goes alone, over its own channel, until it succeeds', async () => {
    const { append, knowLeaders, request } = setUp();
    const slow = append(0, 'slow');
    const fine = append(1, 'fine');
    knowLeaders();
    (await request(0)).answer.resolve(answerOf(bad(0, 7), good(1)));
    await fine;
    const apart = await request(1);
    expect(apart).toMatchObject({ channel: 'append-apart', values: { 0: ['slow'] } });
    const others = [append(1, 'x'), append(2, 'y')];
    const together = await request(2);
    expect(together.values).toEqual({ 1: ['x'], 2: ['y'] });
    together.answer.resolve(answerOf(good(1), good(2)));
    await Promise.all(others);
    apart.answer.resolve(answerOf(good(0)));
    await slow;
    const normal = append(0, 'again');
    const last = await request(3);
    expect(last.channel).not.toBe('append-apart');
    last.answer.resolve(answerOf(good(0)));
    await normal;
  });
});

describe('deadlines and refusals', () => {
  test('[P1] a record that waits is given up at its deadline and never sent', async () => {
    const { append, knowLeaders, request } = setUp();
    const first = append(0, 'a');
    knowLeaders();
    const one = await request(0);
    const waiting = append(0, 'late', 150);
    await expect(waiting).rejects.toMatchObject({ code: 'not-durable' });
    const next = append(0, 'b');
    one.answer.resolve(answerOf(good(0)));
    await first;
    const two = await request(1);
    expect(two.values).toEqual({ 0: ['b'] });
    two.answer.resolve(answerOf(good(0)));
    await next;
  });

  test('[P1] one in flight is given up, too, and not sent again', async () => {
    const { append, knowLeaders, request, metrics } = setUp();
    const late = append(0, 'late', 150);
    const patient = append(0, 'patient');
    knowLeaders();
    const one = await request(0);
    await expect(late).rejects.toMatchObject({ code: 'not-durable' });
    one.answer.reject(new Error('no answer'));
    const two = await request(1);
    expect(two.values).toEqual({ 0: ['patient'] });
    two.answer.resolve(answerOf(good(0)));
    await patient;
    expect(await metrics.metrics()).toContain('event_log_append_failures_total{cause="deadline"} 1');
  });

  test('[P5] a record that the log refuses fails alone', async () => {
    const { append, knowLeaders, request } = setUp();
    const appended = ['a', 'b', 'huge', 'c'].map((value) => append(0, value));
    const settled = Promise.allSettled(appended);
    knowLeaders();
    for (let index = 0, offset = 0, open = 4; open > 0; index++) {
      const { values, answer } = await request(index);
      const batch = values[0] ?? [];
      if (batch.includes('huge')) {
        answer.resolve(answerOf(bad(0, 10)));
        if (batch.length === 1) open--;
      } else {
        answer.resolve(answerOf(good(0, offset)));
        offset += batch.length;
        open -= batch.length;
      }
    }
    const outcomes = await settled;
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    await expect(appended[2]).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('MESSAGE_TOO_LARGE'),
    });
  });

  test('closing waits for what is on its way, and refuses the rest', async () => {
    const { appender, append, knowLeaders, request } = setUp();
    const appended = append(0, 'a');
    knowLeaders();
    const one = await request(0);
    const closed = vi.fn();
    const closing = appender.close().then(closed);
    await expect(append(0, 'b')).rejects.toMatchObject({ code: 'closed' });
    expect(closed).not.toHaveBeenCalled();
    one.answer.resolve(answerOf(good(0)));
    await appended;
    await closing;
  });
});

describe('health', () => {
  test('a topic is a problem while all its partitions fail, not when one does', async () => {
    const { appender, append, knowLeaders, request } = setUp();
    const all = [0, 1, 2, 3].map((partition) => append(partition, 'v'));
    knowLeaders();
    (await request(0)).answer.resolve(answerOf(bad(0, 19), good(1), good(2), good(3)));
    await all[1];
    expect(appender.problem()).toBeUndefined();
    const rest = [1, 2, 3].map((partition) => append(partition, 'w'));
    const second = await request(1);
    second.answer.reject(new Error('gone'));
    const third = await request(2);
    third.answer.reject(new Error('gone'));
    await eventually(() => expect(appender.problem()).toMatch(/no partition can be written.*broker 1: gone/));
    void Promise.allSettled([...all, ...rest]);
  });

  test('[P7] who may not write a topic is told so by the first partition that is asked', async () => {
    const { appender, append, knowLeaders, request } = setUp();
    const appended = [0, 1].map((partition) => append(partition, 'a'));
    knowLeaders();
    (await request(0)).answer.resolve(answerOf(good(0), good(1)));
    await Promise.all(appended);
    expect(appender.problem()).toBeUndefined();
    const refused = append(1, 'b', 150);
    (await request(1)).answer.resolve(answerOf(bad(1, 29)));
    await expect(refused).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED');
    expect(appender.problem()).toContain('TOPIC_AUTHORIZATION_FAILED');
  });

  test('a record that is given up says what is wrong with its partition, though the others can be written', async () => {
    const { append, knowLeaders, request } = setUp();
    const other = append(0, 'a');
    const late = append(1, 'b', 150);
    knowLeaders();
    (await request(0)).answer.resolve(answerOf(good(0), bad(1, 19)));
    await other;
    await expect(late).rejects.toThrow('broker 1: NOT_ENOUGH_REPLICAS');
  });

  test('[P1] when all records were given up, nothing is "up" again for want of something to try', async () => {
    const { appender, append, knowLeaders, request } = setUp([1]);
    const appended = append(0, 'a', 150);
    knowLeaders([1]);
    (await request(0)).answer.reject(new Error('connect ECONNREFUSED'));
    await expect(appended).rejects.toMatchObject({ code: 'not-durable' });
    expect(appender.problem()).toContain('ECONNREFUSED');
    knowLeaders([1]);
    expect(appender.problem()).toContain('ECONNREFUSED');
  });

  test('[P1] before anything is appended, a probe that no broker can take tells whether it would', async () => {
    const { appender, knowLeaders, probe, probes, requests } = setUp();
    appender.follow(TOPIC);
    knowLeaders([1, 2]);
    expect(appender.problem()).toContain('not tried yet');
    const [first, second] = [await probe(0), await probe(1)];
    for (const { partitions } of probes) {
      const [sent] = await decodeRecordBatches(partitions[0]?.batch ?? Buffer.alloc(0), () => null);
      expect(sent?.damage).toContain('wrong checksum');
    }
    first.answer.reject(new Error('connect ECONNREFUSED'));
    // Too few replicas in sync is told before the batch is looked at.
    second.answer.resolve(answerOf(bad(1, 19)));
    await eventually(() =>
      expect(appender.problem()).toMatch(/broker 1: connect ECONNREFUSED; broker 2: NOT_ENOUGH_REPLICAS/),
    );
    await eventually(() => {
      knowLeaders([1, 2]);
      expect(probes.length).toBeGreaterThan(3);
    });
    probes.at(-1)?.answer.resolve(answerOf(bad(1, 2)));
    probes.at(-2)?.answer.resolve(answerOf(bad(0, 7)));
    await eventually(() => expect(appender.problem()).toBeUndefined());
    expect(requests).toEqual([]);
    await appender.close();
  });
});
