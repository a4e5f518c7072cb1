import type { KafkaMessage } from 'kafkajs';
import type { LogRecord, RecordHeaders } from '#contract/log-record.ts';

/** A record as the port shows it. Key and value are views on what was fetched. */
export function toLogRecord(topic: string, partition: number, message: KafkaMessage): LogRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: decodeHeaders(message.headers),
  };
}

/**
 * Of a header that comes several times the last one counts, as with Kafka's own `lastHeader`. kafkajs builds an array
 * of such values, for names like `constructor` with something inherited in front.
 */
function decodeHeaders(headers: KafkaMessage['headers']): RecordHeaders {
  if (headers === undefined) return {};
  const entries: [string, string][] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    const last = Array.isArray(value) ? value.at(-1) : value;
    entries.push([name, last === undefined || last === null ? '' : last.toString()]);
  }
  // Not by assignment: a header may be called `__proto__`.
  return Object.fromEntries(entries);
}
