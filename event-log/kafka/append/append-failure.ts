import type { AppendFailureCause } from '#event-log/telemetry.ts';
import { describeError } from '#runtime/errors.ts';

/** Why a partition's batch was not appended, and what to do about it. */
export interface AppendFailure {
  readonly cause: AppendFailureCause;
  readonly detail: string;
  /**
   * `later`: the same batch again after a back-off.
   * `apart`: the broker waited in vain for this partition; again, but not together with others.
   * `smaller`: one of the records will never be accepted; halve the batch until it is alone, then give it up.
   */
  readonly remedy: 'later' | 'apart' | 'smaller';
  /** Another broker may lead the partition now. */
  readonly metadataIsStale: boolean;
}

interface Rule {
  readonly name: string;
  readonly cause: AppendFailureCause;
  readonly remedy?: AppendFailure['remedy'];
  readonly stale?: boolean;
}

/** Error codes of Kafka's Produce answer (https://kafka.apache.org/protocol.html#protocol_error_codes). */
const RULES: Readonly<Record<number, Rule>> = {
  2: { name: 'CORRUPT_MESSAGE', cause: 'other' },
  3: { name: 'UNKNOWN_TOPIC_OR_PARTITION', cause: 'unknown-topic', stale: true },
  5: { name: 'LEADER_NOT_AVAILABLE', cause: 'no-leader', stale: true },
  6: { name: 'NOT_LEADER_OR_FOLLOWER', cause: 'no-leader', stale: true },
  7: { name: 'REQUEST_TIMED_OUT', cause: 'timeout', remedy: 'apart' },
  10: { name: 'MESSAGE_TOO_LARGE', cause: 'too-large', remedy: 'smaller' },
  18: { name: 'RECORD_LIST_TOO_LARGE', cause: 'too-large', remedy: 'smaller' },
  19: { name: 'NOT_ENOUGH_REPLICAS', cause: 'not-enough-replicas' },
  20: { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', cause: 'not-enough-replicas', remedy: 'apart' },
  29: { name: 'TOPIC_AUTHORIZATION_FAILED', cause: 'not-authorized' },
  31: { name: 'CLUSTER_AUTHORIZATION_FAILED', cause: 'not-authorized' },
  32: { name: 'INVALID_TIMESTAMP', cause: 'other', remedy: 'smaller' },
  56: { name: 'KAFKA_STORAGE_ERROR', cause: 'other', stale: true },
  74: { name: 'FENCED_LEADER_EPOCH', cause: 'no-leader', stale: true },
  75: { name: 'UNKNOWN_LEADER_EPOCH', cause: 'no-leader', stale: true },
  87: { name: 'INVALID_RECORD', cause: 'other', remedy: 'smaller' },
};

export function failureOfCode(errorCode: number): AppendFailure {
  const rule = RULES[errorCode] ?? { name: `error code ${errorCode}`, cause: 'other' };
  return {
    cause: rule.cause,
    detail: rule.name,
    remedy: rule.remedy ?? 'later',
    metadataIsStale: rule.stale ?? false,
  };
}

/** The guard against kafkajs#1303: an answer that does not mention the partition says nothing about it. */
export const NOT_IN_ANSWER: AppendFailure = {
  cause: 'other',
  detail: 'the answer does not mention the partition',
  remedy: 'later',
  metadataIsStale: true,
};

export const NO_LEADER: AppendFailure = {
  cause: 'no-leader',
  detail: 'the partition has no leader',
  remedy: 'later',
  metadataIsStale: true,
};

/** The whole request failed: nothing is known about any of its partitions. */
export function failureOfRequest(error: unknown): AppendFailure {
  const name = error instanceof Error ? error.name : '';
  const cause: AppendFailureCause =
    name === 'KafkaJSRequestTimeoutError'
      ? 'timeout'
      : name === 'KafkaJSSASLAuthenticationError'
        ? 'not-authorized'
        : 'unreachable';
  return { cause, detail: describeError(error), remedy: 'later', metadataIsStale: true };
}
