import type { LogRecord } from '#contract/log-record.ts';
import type { ReadOptions } from '#event-log/event-log.ts';
import { ChunkCursor } from './chunk-cursor.ts';
import type { FetchRequest, FetchResult } from './log-thread-calls.ts';

const READ_CHUNK_BYTES = 1024 * 1024;
/** Records that are unpacked at once: a few milliseconds of the event loop would be too many. */
const READ_RECORDS = 500;

/** Records of a topic without any group, up to the end as it was when reading began. @param file for messages about damage */
export async function* readTopic(
  topic: string,
  { from, signal }: ReadOptions,
  fetch: (request: FetchRequest) => Promise<FetchResult>,
  file: string,
): AsyncGenerator<LogRecord> {
  if (from !== undefined && !from.has(0)) return;
  let position = from?.get(0) ?? 0;
  let end: number | undefined;
  while (end === undefined || position < end) {
    const chunk = await fetch({ topic, fromOffset: position, maxBytes: READ_CHUNK_BYTES });
    end ??= chunk.endOffset;
    const cursor = new ChunkCursor(topic, chunk, position, file);
    for (
      let records = cursor.next(READ_RECORDS, Infinity);
      records.length > 0;
      records = cursor.next(READ_RECORDS, Infinity)
    ) {
      for (const record of records) {
        signal?.throwIfAborted();
        if (record.offset >= end) return;
        yield record;
      }
    }
    position = chunk.nextOffset;
  }
}
