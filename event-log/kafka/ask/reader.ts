import type { LogRecord } from '#contract/log-record.ts';
import type { ReadOptions } from '#event-log/event-log.ts';
import { toLogRecord } from '#event-log/kafka/wire/log-records.ts';
import { visibleRecords } from '#event-log/kafka/wire/record-tunnel.ts';
import { fetchPartition, offsetAfter, type PartitionPlace } from './fetch-partition.ts';
import { withPatience } from './patience.ts';
import { END, leadersOf, OLDEST, offsetsOf } from './topic-queries.ts';

let readers = 0;

/**
 * Records of a topic without any consumer group: Fetch requests to the leaders, one partition after the other. Nothing
 * is left behind on the brokers, and the right to read the topic is enough. (kafkajs' consumer cannot do without a
 * group; it would have to be random, kept from committing, deleted afterwards, and allowed by an access list.)
 */
export async function* readTopic(
  { connections, topic, isNeverCompacted }: Omit<PartitionPlace, 'channel' | 'partition'>,
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
          fetchPartition({ connections, channel, topic, partition, isNeverCompacted }, at, until),
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

/** Readers keep letters for long: a view would keep the whole fetched megabyte with it. */
function ownCopy(record: LogRecord): LogRecord {
  return {
    ...record,
    key: record.key && Buffer.from(record.key),
    value: record.value && Buffer.from(record.value),
  };
}
