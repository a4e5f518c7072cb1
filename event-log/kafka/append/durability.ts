import type { ProduceAnswer } from '#event-log/kafka/wire/produce-request.ts';
import { type AppendFailure, failureOfCode, NOT_IN_ANSWER } from './append-failure.ts';

/**
 * The guard: durable only if the answer says so, about this very partition.
 * Kafka's answer may leave partitions out, and kafkajs has resolved sends whose parts were never written (#1303).
 */
export function durability(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  answer: ProduceAnswer,
): { readonly baseOffset: number } | AppendFailure {
  const outcome = answer
    .find(({ topicName }) => topicName === topic)
    ?.partitions.find((each) => each.partition === partition);
  if (outcome === undefined) return NOT_IN_ANSWER;
  if (outcome.errorCode !== 0) return failureOfCode(outcome.errorCode);
  const baseOffset = Number(outcome.baseOffset);
  return baseOffset >= 0 ? { baseOffset } : NOT_IN_ANSWER;
}
