import type { ProduceData } from '#event-log/kafka/wire/produce-request.ts';
import { encodeRecordBatch } from '#event-log/kafka/wire/record-batch.ts';
import type { EncodedAppend, PartitionQueue } from './partition-queue.ts';

/** What a round takes from one queue. */
export interface Batch {
  readonly queue: PartitionQueue;
  readonly appends: readonly EncodedAppend[];
}

export function encodeBatches(batches: readonly Batch[], now: number): ProduceData {
  const byTopic = Map.groupBy(batches, ({ queue }) => queue.topic);
  return Array.from(byTopic, ([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ queue, appends }) => ({
      partition: queue.partition,
      batch: encodeRecordBatch(appends, now),
    })),
  }));
}
