import { type ErrorKind, kafkaErrorCode, kindOfError } from '#event-log/kafka/wire/error-codes.ts';
import type { AppendFailureCause } from '#event-log/telemetry.ts';
import { describeError } from '#runtime/errors.ts';

/** Why a partition's batch was not appended, and what to do about it. */
export interface AppendFailure {
  readonly cause: AppendFailureCause;
  readonly detail: string;
  /**
   * `later`: the same batch again after a back-off.
   * `much-later`: the same, slowly: an operator has to put something right.
   * `apart`: the broker waited in vain for this partition; again, but not together with others.
   * `smaller`: one of the records will never be accepted; halve the batch until it is alone, then give it up.
   */
  readonly remedy: 'later' | 'much-later' | 'apart' | 'smaller';
  /** Another broker may lead the partition now. */
  readonly metadataIsStale: boolean;
  /** What is said of one partition holds for all of its topic. */
  readonly ofWholeTopic?: true;
}

interface Rule {
  readonly cause: AppendFailureCause;
  readonly apart?: boolean;
  readonly stale?: boolean;
  /** Other than by its kind, it is the record that is refused. */
  readonly ofRecord?: boolean;
  readonly ofWholeTopic?: true;
}

/** What a Produce answer means beside the kind of its error code. */
const RULES: Readonly<Record<number, Rule>> = {
  3: { cause: 'unknown-topic', stale: true },
  5: { cause: 'no-leader', stale: true },
  6: { cause: 'no-leader', stale: true },
  7: { cause: 'timeout', apart: true },
  10: { cause: 'too-large' },
  18: { cause: 'too-large' },
  19: { cause: 'not-enough-replicas' },
  20: { cause: 'not-enough-replicas', apart: true },
  29: { cause: 'not-authorized', ofWholeTopic: true },
  31: { cause: 'not-authorized', ofWholeTopic: true },
  44: { cause: 'other', ofRecord: true },
  56: { cause: 'other', stale: true },
  74: { cause: 'no-leader', stale: true },
  75: { cause: 'no-leader', stale: true },
};

export function failureOfCode(errorCode: number): AppendFailure {
  const { name, kind } = kafkaErrorCode(errorCode);
  const rule: Rule = RULES[errorCode] ?? { cause: 'other' };
  const { cause, apart = false, stale = false, ofRecord = kind === 'record' } = rule;
  const remedy = ofRecord ? 'smaller' : apart ? 'apart' : isForOthers(kind) ? 'much-later' : 'later';
  const { ofWholeTopic } = rule;
  return { cause, detail: name, remedy, metadataIsStale: stale, ...(ofWholeTopic && { ofWholeTopic }) };
}

/** Neither time nor another batch helps. */
function isForOthers(kind: ErrorKind): boolean {
  return kind === 'configuration' || kind === 'fatal';
}

const CORRUPT_MESSAGE = 2;

/** The broker was ready to append, and found fault with the batch alone. */
export function refusesTheBatch(errorCode: number): boolean {
  return errorCode === CORRUPT_MESSAGE || failureOfCode(errorCode).remedy === 'smaller';
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
  const mustAct = isForOthers(kindOfError(error));
  const cause: AppendFailureCause =
    name === 'KafkaJSRequestTimeoutError' ? 'timeout' : mustAct ? 'not-authorized' : 'unreachable';
  const remedy = mustAct ? 'much-later' : 'later';
  return { cause, detail: describeError(error), remedy, metadataIsStale: true };
}
