import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { sendFetch } from '#event-log/kafka/wire/broker-requests.ts';
import { ANSWER_MS } from '#event-log/kafka/wire/client.ts';
import { kafkaErrorCode } from '#event-log/kafka/wire/error-codes.ts';
import {
  type AnsweredPartition,
  beginsBehind,
  type FetchedPartition,
  hasDamage,
  mayBeDamage,
  withRecords,
} from '#event-log/kafka/wire/fetch-answers.ts';
import type { FetchedRecord } from '#event-log/kafka/wire/fetched-record.ts';
import { visibleRecords } from '#event-log/kafka/wire/record-tunnel.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type AskBroker, behindDamage, seenFromBefore, withLostBeginning } from './damage.ts';
import { refusal } from './patience.ts';
import { END, leadersOf, OLDEST, offsetsOf } from './topic-queries.ts';

const FETCH_BYTES = 1024 * 1024;
const FETCH_WAIT_MS = 500;
const OFFSET_OUT_OF_RANGE = 1;

/** Which partition, asked over which connections. */
export interface PartitionPlace {
  readonly connections: BrokerConnections;
  /** Questions of one channel queue up behind each other. */
  readonly channel: string;
  readonly topic: string;
  readonly partition: number;
  /** Nothing but retention removes records of this topic: its cleanup policy is `delete`, as far as this process knows. */
  readonly isNeverCompacted: boolean;
}

/**
 * What a partition holds from `offset` on, as its leader has it or, where the leader's disk has damage, as another
 * replica has it. What none of those that answer can read is there as `DamagedBatch`.
 *
 * @param until offset that was known to be there; a broker that does not show it yet is unavailable
 * @throws PipelineError `event-log-unavailable`, errors of the connection
 */
export async function fetchPartition(
  place: PartitionPlace,
  offset: number,
  until: number,
  maxBytes = FETCH_BYTES,
): Promise<FetchedPartition> {
  const { connections, topic, partition } = place;
  const leader = (await leadersOf(connections, topic)).get(partition);
  if (leader === undefined) throw unavailable(`partition ${partition} of ${topic} is gone`);
  const fetched = await fetchFrom(leader, place, offset, until, maxBytes);
  if (!hasDamage(fetched)) return fetched;
  for (const replica of await replicasOf(place)) {
    if (replica === leader) continue;
    const copy = await fetchFrom(replica, place, offset, until, maxBytes).catch(() => undefined);
    if (copy !== undefined && copy.messages.length > 0 && !hasDamage(copy)) return copy;
  }
  return fetched;
}

async function fetchFrom(
  broker: number,
  place: PartitionPlace,
  offset: number,
  until: number,
  maxBytes: number,
): Promise<FetchedPartition> {
  const { connections, topic, partition } = place;
  const answered = await askBroker(broker, place, offset, maxBytes, FETCH_WAIT_MS);
  const { errorCode, lastStableOffset } = answered;
  const ask: AskBroker = (at, bytes) => askBroker(broker, place, at, bytes, 0);
  const { name } = kafkaErrorCode(errorCode);
  if (errorCode === OFFSET_OUT_OF_RANGE) {
    // Retention went past us while the reader was busy.
    const oldest = (await offsetsOf(connections, topic, await leadersOf(connections, topic), OLDEST)).get(
      partition,
    );
    if (oldest !== undefined && oldest > offset) return fetchFrom(broker, place, oldest, until, maxBytes);
  }
  if (mayBeDamage(errorCode)) {
    const found = await behindDamage(ask, offset, until, `the broker answers ${name}`);
    if (found !== undefined) return found;
  }
  if (errorCode !== 0) throw refusal(`partition ${partition} of ${topic}`, errorCode);
  const fetched = await withRecords(answered, offset);
  if (beginsBehind(fetched, offset)) {
    const seen = await seenFromBefore(ask, offset);
    if (seen !== undefined) return seen;
    const isBeginning = offset === answered.logStartOffset;
    return place.isNeverCompacted && isBeginning ? withLostBeginning(fetched, offset) : fetched;
  }
  if (fetched.messages.length > 0) return fetched;
  // A leader that was elected a moment ago does not show its last records yet.
  if (Number(fetched.highWatermark) < until) {
    throw unavailable(`the leader of partition ${partition} of ${topic} has not caught up`);
  }
  if (offset >= lastStableOffset) return fetched;
  const found = await behindDamage(ask, offset, lastStableOffset, 'the broker finds nothing there');
  if (found !== undefined) return found;
  throw unavailable(`the broker finds nothing in partition ${partition} of ${topic} from ${offset} on`);
}

/** Visible records from an offset on, and the last offset that they reach to; undefined where nothing stands. */
export interface SecondLook {
  readonly records: readonly FetchedRecord[];
  readonly last: number | undefined;
}

/**
 * For a consumer that got something at `offset` that needs a second look.
 *
 * @throws PipelineError `event-log-unavailable`, errors of the connection
 */
export async function lookAgain(place: PartitionPlace, offset: number): Promise<SecondLook> {
  const { connections, topic, partition } = place;
  const end = (await offsetsOf(connections, topic, await leadersOf(connections, topic), END)).get(partition);
  const fetched = await fetchPartition(place, offset, end ?? 0);
  const after = offsetAfter(fetched, offset);
  return {
    records: visibleRecords(topic, offset, fetched),
    last: after === undefined ? undefined : after - 1,
  };
}

/** Where to go on, always further; undefined when nothing is left at all. */
export function offsetAfter({ messages }: FetchedPartition, at: number): number | undefined {
  const last = messages.at(-1);
  return last === undefined ? undefined : Math.max(at, last.position) + 1;
}

async function replicasOf({ connections, topic, partition }: PartitionPlace): Promise<readonly number[]> {
  const { topicMetadata } = await connections.metadata([topic]);
  const partitions = topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata);
  return partitions.find(({ partitionId }) => partitionId === partition)?.replicas ?? [];
}

async function askBroker(
  broker: number,
  { connections, channel, topic, partition }: PartitionPlace,
  offset: number,
  maxBytes: number,
  waitMs: number,
): Promise<AnsweredPartition> {
  const answered = await connections.ask(broker, channel, (c) =>
    sendFetch(c, topic, partition, offset, maxBytes, waitMs, ANSWER_MS + waitMs),
  );
  if (answered === undefined) throw unavailable(`no answer about partition ${partition} of ${topic}`);
  return answered;
}

function unavailable(message: string): PipelineError {
  return new PipelineError('event-log-unavailable', message, { retryable: true });
}
