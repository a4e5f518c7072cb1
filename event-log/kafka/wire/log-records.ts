import type { LogRecord } from '#contract/log-record.ts';
import { DamagedBatch, type FetchedRecord } from './fetched-record.ts';

/** A record as the port shows it. Key and value are views on what was fetched. */
export function toLogRecord(topic: string, partition: number, record: FetchedRecord): LogRecord {
  const { position: offset, timestamp, key, value, headers } = record;
  if (record instanceof DamagedBatch) {
    const { first, damage } = record;
    const damagedRecords = offset - first + 1;
    return { topic, partition, offset: first, timestamp, key, value, headers, damage, damagedRecords };
  }
  return { topic, partition, offset, timestamp, key, value, headers };
}
