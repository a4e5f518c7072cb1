import { Registry } from 'prom-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startTopicWatch } from './topic-watch.ts';

type Judged = ReadonlyMap<string, readonly string[]>;

/** A watch over a log that answers what the test says. */
function watched(answer: () => Judged | Promise<Judged>) {
  const metrics = new Registry();
  const lines: Record<string, unknown>[] = [];
  let asked = 0;
  const watch = startTopicWatch(
    { topics: [{ name: 'readings', cleanup: 'delete', retentionMs: 1 }], intervalMs: 5 },
    {
      eventLog: {
        topicContradictions: async (topics) => {
          expect(topics.map(({ name }) => name)).toEqual(['readings']);
          asked++;
          return answer();
        },
      },
      metrics,
      log: createLogger(
        { name: 'test', level: 'debug' },
        { write: (line) => void lines.push(JSON.parse(line)) },
      ),
      now: Date.now,
      random: Math.random,
    },
  );
  onTestFinished(() => watch[Symbol.asyncDispose]());
  /** Until answers that were given after now are known. */
  const looks = (count = 2) => {
    const enough = asked + count;
    return eventually(() => expect(asked).toBeGreaterThanOrEqual(enough));
  };
  const series = async () =>
    (await metrics.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const told = () => lines.splice(0).map(({ msg, contradictions }) => [msg, contradictions]);
  return { watch, looks, series, told };
}

const BAD = 'a topic contradicts a promise';
const of = (count: number) => [`event_log_topic_contradictions{topic="readings"} ${count}`];

describe('[P7] the watch over topics', () => {
  test('tells how many promises a topic contradicts, and one line when that changes', async () => {
    let problems: readonly string[] = [];
    const { looks, series, told } = watched(() => new Map([['readings', problems]]));
    await looks();
    expect([await series(), told()]).toEqual([of(0), []]);
    problems = ['a is 1, expected 2'];
    await looks(4);
    expect([await series(), told()]).toEqual([of(1), [[BAD, problems]]]);
    problems = ['a is 1, expected 2', 'b is 3, expected 4'];
    await looks(4);
    expect([await series(), told()]).toEqual([of(2), [[BAD, problems]]]);
    problems = [];
    await looks(4);
    expect([await series(), told()]).toEqual([
      of(0),
      [['a topic is again as the promises need it', undefined]],
    ]);
  });

  test('has no series while the log cannot be asked, and goes on; what it said before is not said again', async () => {
    let away = false;
    const problems = ['a is 1, expected 2'];
    const { looks, series, told } = watched(() => {
      if (away) throw new PipelineError('event-log-unavailable', 'no broker');
      return new Map([['readings', problems]]);
    });
    await looks();
    away = true;
    await looks(4);
    expect([await series(), told()]).toEqual([
      [],
      [
        [BAD, problems],
        ['the settings of topics cannot be read', undefined],
      ],
    ]);
    away = false;
    await looks(4);
    expect([await series(), told()]).toEqual([of(1), [['topics can be looked at again', undefined]]]);
  });

  test('where nobody else can change topics, there is nothing to say', async () => {
    const { looks, series, told } = watched(() => new Map());
    await looks();
    expect([await series(), told()]).toEqual([[], []]);
  });

  test('a log that hangs does not hold up the end', async () => {
    const { watch } = watched(() => new Promise<never>(() => undefined));
    await watch[Symbol.asyncDispose]();
  });
});
