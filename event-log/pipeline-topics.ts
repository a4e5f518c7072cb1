import { LIMITS, type Limits } from '#contract/limits.ts';
import type { EventLog, TopicSettings } from '#event-log/event-log.ts';
import { hasCode } from '#runtime/errors.ts';
import { backoffDelayMs, pause } from '#runtime/retry.ts';
import type { Settings } from '#runtime/settings.ts';

const BACKOFF = { firstDelayMs: 500, maxDelayMs: 10_000, jitter: 0.3 };

/**
 * Key and headers of a record, at most: device id, labels, counts, times, and of a letter the detail and where it came from. A
 * letter's MQTT topic is the device's own.
 */
const AROUND_A_VALUE_BYTES = 1024 + LIMITS.labelBytes;
const AROUND_A_LETTER_BYTES = AROUND_A_VALUE_BYTES + LIMITS.deadLetterDetailBytes;

/** The three topics of the pipeline, as every process expects them. */
export function pipelineTopics(
  settings: Pick<Settings, 'topics' | 'telemetryRetentionMs' | 'deadLetterRetentionMs'> & {
    readonly limits?: Limits;
  },
): readonly TopicSettings[] {
  const { topics, telemetryRetentionMs, deadLetterRetentionMs, limits = LIMITS } = settings;
  return [
    {
      name: topics.telemetry,
      cleanup: 'delete',
      retentionMs: telemetryRetentionMs,
      maxRecordBytes: limits.payloadBytes + AROUND_A_VALUE_BYTES,
    },
    {
      name: topics.deadLetters,
      cleanup: 'delete',
      retentionMs: deadLetterRetentionMs,
      // The writer's letters of foreign records may be larger than any packet of ours.
      maxRecordBytes: Math.max(LIMITS.packetBytes, limits.packetBytes) + AROUND_A_LETTER_BYTES,
      share: {
        ofLog: limits.deadLetterShare,
        perKey: limits.deadLetterSharePerDevice,
        settledIn: topics.deadLetterState,
      },
    },
    { name: topics.deadLetterState, cleanup: 'compact', retentionMs: 0 },
  ];
}

/**
 * Creates or verifies the topics, for as long as it takes: a process that starts before its log must not fail, and
 * must not skip the check either.
 *
 * @throws PipelineError `configuration` when an existing topic contradicts a promise
 */
export async function ensureTopicsEventually(
  log: EventLog,
  topics: readonly TopicSettings[],
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await log.ensureTopics(topics);
    } catch (error) {
      if (!hasCode(error, 'event-log-unavailable')) throw error;
      await pause(backoffDelayMs(BACKOFF, attempt, random), signal);
    }
  }
}
