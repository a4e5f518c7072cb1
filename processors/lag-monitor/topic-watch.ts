import type { EventLog, TopicSettings } from '#event-log/event-log.ts';
import { doneBefore } from '#runtime/abort-signal.ts';
import type { Deps } from '#runtime/deps.ts';
import { pause } from '#runtime/retry.ts';
import { createTopicTelemetry } from './topic-telemetry.ts';

export interface TopicWatchOptions {
  readonly topics: readonly TopicSettings[];
  /** From the end of one look to the beginning of the next. Default 1 min. */
  readonly intervalMs?: number;
}

export interface TopicWatchDeps extends Deps {
  readonly eventLog: Pick<EventLog, 'topicContradictions'>;
}

const INTERVAL_MS = 60_000;

/**
 * Looks every now and then whether the topics still are as the promises need them: processes verify them when they start,
 * and somebody may change or delete them while they run. Changes nothing. Closing ends it.
 *
 * What a topic contradicts is *not known* until the log answered, and again as soon as it does not; then there is no series.
 */
export function startTopicWatch(
  { topics, intervalMs = INTERVAL_MS }: TopicWatchOptions,
  { eventLog, ...deps }: TopicWatchDeps,
): AsyncDisposable {
  const telemetry = createTopicTelemetry(deps);
  const stopping = new AbortController();
  const { signal } = stopping;
  const look = async (): Promise<void> => {
    try {
      telemetry.judged(await eventLog.topicContradictions(topics));
    } catch (error) {
      if (!signal.aborted) telemetry.lookFailed(error);
    }
  };
  const watching = (async () => {
    // An answer that never comes must not hold up the shutdown.
    do await doneBefore(signal, look());
    while (await pause(intervalMs, signal));
  })();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await watching;
    },
  };
}
