import type { ProduceAnswer } from '#event-log/kafka/wire/produce-request.ts';
import { type AppendFailure, failureOfCode, NOT_IN_ANSWER, refusesTheBatch } from './append-failure.ts';

interface PartitionName {
  readonly topic: string;
  readonly partition: number;
}

/**
 * The guard: durable only if the answer says so, about this very partition.
 * Kafka's answer may leave partitions out, and kafkajs has resolved sends whose parts were never written (#1303).
 */
export function durability(
  { topic, partition }: PartitionName,
  answer: ProduceAnswer,
): { readonly baseOffset: number } | AppendFailure {
  const outcome = outcomeOf({ topic, partition }, answer);
  if (outcome === undefined) return NOT_IN_ANSWER;
  if (outcome.errorCode !== 0) return failureOfCode(outcome.errorCode);
  const baseOffset = Number(outcome.baseOffset);
  return baseOffset >= 0 ? { baseOffset } : NOT_IN_ANSWER;
}

/** What the answer to a probe lacks to prove that the partition can be written: the broker must refuse the probe itself. */
export function provesWritable(partition: PartitionName, answer: ProduceAnswer): AppendFailure | undefined {
  const outcome = outcomeOf(partition, answer);
  if (outcome === undefined) return NOT_IN_ANSWER;
  if (outcome.errorCode === 0 || refusesTheBatch(outcome.errorCode)) return undefined;
  return failureOfCode(outcome.errorCode);
}

function outcomeOf({ topic, partition }: PartitionName, answer: ProduceAnswer) {
  return answer
    .find(({ topicName }) => topicName === topic)
    ?.partitions.find((each) => each.partition === partition);
}
