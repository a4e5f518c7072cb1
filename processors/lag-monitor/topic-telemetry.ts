import { Gauge } from 'prom-client';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';

/** The events of the watch over topics: one function = one log line and/or one metric. */
export function createTopicTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'topic-watch' });
  const contradictions = new Gauge({
    name: 'event_log_topic_contradictions',
    help: 'Promises that a topic contradicts as it is now, its absence being one; which: the log says. No series while it cannot be asked (Kafka only)',
    labelNames: ['topic'],
    registers: [deps.metrics],
  });
  const said = new Map<string, string>();
  let isFailing = false;

  return {
    /** One line when what is said of a topic changes. */
    judged(byTopic: ReadonlyMap<string, readonly string[]>): void {
      if (isFailing) log.info('topics can be looked at again');
      isFailing = false;
      for (const [topic, problems] of byTopic) {
        contradictions.set({ topic }, problems.length);
        const now = problems.join('; ');
        const before = said.get(topic) ?? '';
        said.set(topic, now);
        if (now === before) continue;
        if (now === '') log.info({ topic }, 'a topic is again as the promises need it');
        else log.error({ topic, contradictions: problems }, 'a topic contradicts a promise');
      }
    },
    /** What was known may be wrong by now. */
    lookFailed(error: unknown): void {
      contradictions.reset();
      if (!isFailing) log.warn({ error: describeError(error) }, 'the settings of topics cannot be read');
      isFailing = true;
    },
  };
}
