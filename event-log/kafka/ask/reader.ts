import type { LogRecord } from '#contract/log-record.ts';
import type { ReadOptions } from '#event-log/event-log.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { sendFetch } from '#event-log/kafka/wire/broker-requests.ts';
import { ANSWER_MS } from '#event-log/kafka/wire/client.ts';
import { kafkaErrorCode } from '#event-log/kafka/wire/error-codes.ts';
import type { FetchedPartition } from '#event-log/kafka/wire/fetch-answers.ts';
import { toLogRecord } from '#event-log/kafka/wire/log-records.ts';
import { visibleRecords } from '#event-log/kafka/wire/record-tunnel.ts';
import { PipelineError } from '#runtime/errors.ts';
import { withPatience } from './patience.ts';
import { END, leadersOf, OLDEST, offsetsOf } from './topic-queries.ts';

const FETCH_BYTES = 1024 * 1024;
const FETCH_WAIT_MS = 500;
const OFFSET_OUT_OF_RANGE = 1;

let readers = 0;

/**
 * Records of a topic without any consumer group: Fetch requests to the leaders, one partition after the other. Nothing
 * is left behind on the brokers, and the right to read the topic is enough. (kafkajs' consumer cannot do without a
 * group; it would have to be random, kept from committing, deleted afterwards, and allowed by an access list.)
 */
export async function* readTopic(
  connections: BrokerConnections,
  topic: string,
  { from, signal }: ReadOptions,
): AsyncGenerator<LogRecord> {
  const channel = `read-${readers++}`;
  try {
    const { oldest, end } = await withPatience(`reading ${topic}`, async () => {
      const leaders = await leadersOf(connections, topic);
      return {
        end: await offsetsOf(connections, topic, leaders, END),
        oldest: await offsetsOf(connections, topic, leaders, OLDEST),
      };
    });
    for (const [partition, start] of oldest) {
      const wanted = from === undefined ? start : from.get(partition);
      if (wanted === undefined) continue;
      const until = end.get(partition) ?? 0;
      for (let next = Math.max(wanted, start); next < until; ) {
        signal?.throwIfAborted();
        const at = next;
        const fetched = await withPatience(`reading ${topic}`, () =>
          fetchPartition(connections, channel, topic, partition, at, until),
        );
        for (const each of visibleRecords(topic, at, fetched)) {
          const record = toLogRecord(topic, partition, each);
          if (record.offset >= until) break;
          signal?.throwIfAborted();
          yield ownCopy(record);
        }
        next = offsetAfter(fetched, at) ?? until;
      }
    }
  } finally {
    connections.release(channel);
  }
}

/**
 * What a partition holds from `offset` on.
 *
 * @param until offset that was known to be there; a leader that does not show it yet is unavailable
 * @throws PipelineError `event-log-unavailable`, errors of the connection
 */
export async function fetchPartition(
  connections: BrokerConnections,
  channel: string,
  topic: string,
  partition: number,
  offset: number,
  until: number,
  maxBytes = FETCH_BYTES,
): Promise<FetchedPartition> {
  const leaders = await leadersOf(connections, topic);
  const leader = leaders.get(partition);
  if (leader === undefined) throw unavailable(`partition ${partition} of ${topic} is gone`);
  const fetched = await connections.ask(leader, channel, (c) =>
    sendFetch(c, topic, partition, offset, maxBytes, FETCH_WAIT_MS, ANSWER_MS + FETCH_WAIT_MS),
  );
  if (fetched === undefined) throw unavailable(`no answer about partition ${partition} of ${topic}`);
  if (fetched.errorCode === OFFSET_OUT_OF_RANGE) {
    // Retention went past us while the reader was busy.
    const oldest = (await offsetsOf(connections, topic, leaders, OLDEST)).get(partition);
    if (oldest !== undefined && oldest > offset) {
      return fetchPartition(connections, channel, topic, partition, oldest, until, maxBytes);
    }
  }
  if (fetched.errorCode !== 0) throw unavailable(kafkaErrorCode(fetched.errorCode).name);
  // A leader that was elected a moment ago does not show its last records yet.
  if (fetched.messages.length === 0 && Number(fetched.highWatermark) < until) {
    throw unavailable(`the leader of partition ${partition} of ${topic} has not caught up`);
  }
  return fetched;
}

/** Where to go on, always further; undefined when nothing is left at all. */
export function offsetAfter({ messages }: FetchedPartition, at: number): number | undefined {
  const last = messages.at(-1);
  return last === undefined ? undefined : Math.max(at, last.position) + 1;
}

/** Readers keep letters for long: a view would keep the whole fetched megabyte with it. */
function ownCopy(record: LogRecord): LogRecord {
  return {
    ...record,
    key: record.key && Buffer.from(record.key),
    value: record.value && Buffer.from(record.value),
  };
}

function unavailable(message: string): PipelineError {
  return new PipelineError('event-log-unavailable', message, { retryable: true });
}
