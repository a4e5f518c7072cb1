import type { LogRecord } from '#contract/log-record.ts';
import type { FetchedRecord } from './fetched-record.ts';

/** A record as the port shows it. Key and value are views on what was fetched. */
export function toLogRecord(topic: string, partition: number, record: FetchedRecord): LogRecord {
  const { position: offset, timestamp, key, value, headers, damage } = record;
  if (damage !== undefined) return { topic, partition, offset, timestamp, key, value, headers, damage };
  return { topic, partition, offset, timestamp, key, value, headers };
}
