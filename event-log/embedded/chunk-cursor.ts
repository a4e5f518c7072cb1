import type { LogRecord, RecordHeaders } from '#contract/log-record.ts';
import { asBuffer, type RecordSpan, spanAt } from './packed-records.ts';

/** Where a stored batch begins in the bytes of a chunk, and what its row says about it. */
export interface StoredBatch {
  readonly baseOffset: number;
  readonly records: number;
  readonly timestamp: number;
  readonly byteLength: number;
  /** Why the row cannot be read: it has no bytes then. */
  readonly damage?: string;
}

/** Batches one behind the other, as the reader thread hands them over. */
export interface BatchChunk {
  readonly batches: readonly StoredBatch[];
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** What stands at one place of a batch: a record, or what is left of some. */
type Place = { readonly records: number; readonly end: number } & (
  | { readonly span: RecordSpan }
  | { readonly damage: string }
);

/**
 * Unpacks a chunk bit by bit, as much as one batch for a handler may hold: unpacking all at once would hold up the
 * event loop. Keys and values are views on the chunk.
 *
 * Bytes that are no records become one record with `damage`, in the place of all those that must have stood there, and
 * the cursor goes on behind them: at the first place from which whole records follow each other up to the end of the
 * row. How many are missing in between follows from the number that the row has.
 */
export class ChunkCursor {
  readonly #topic: string;
  readonly #file: string;
  readonly #batches: readonly StoredBatch[];
  readonly #payload: Buffer;
  #batch = 0;
  #record = 0;
  #at = 0;
  /** Where the bytes of the batch end. */
  #batchEnd: number;
  /** Of the record before: where they stand, and what they say. */
  #lastHeaders: { readonly start: number; readonly end: number; readonly parsed: RecordHeaders } | undefined;

  /**
   * Records before `fromOffset` are skipped.
   *
   * @param file for the words about damage.
   */
  constructor(topic: string, chunk: BatchChunk, fromOffset: number, file: string) {
    this.#topic = topic;
    this.#file = file;
    this.#batches = chunk.batches;
    this.#payload = asBuffer(chunk.payload);
    this.#batchEnd = this.#batches[0]?.byteLength ?? 0;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[this.#batch]) {
      const offset = batch.baseOffset + this.#record;
      if (offset >= fromOffset) break;
      const place = this.#place(batch);
      if (offset + place.records > fromOffset) {
        // The first of them were dealt with, and the rest was not.
        this.#record += fromOffset - offset;
        break;
      }
      this.#advance(batch, place);
    }
  }

  /** The next records: at most `maxRecords`, and at most `maxBytes` of values unless the first alone is larger. Empty at the end. */
  next(maxRecords: number, maxBytes: number): LogRecord[] {
    const records: LogRecord[] = [];
    let bytes = 0;
    while (records.length < maxRecords) {
      const batch = this.#batches[this.#batch];
      if (batch === undefined) break;
      const place = this.#place(batch);
      const record = this.#recordAt(batch, place);
      bytes += record.value?.length ?? 0;
      if (bytes > maxBytes && records.length > 0) break;
      records.push(record);
      this.#advance(batch, place);
    }
    return records;
  }

  #place(batch: StoredBatch): Place {
    const span = spanAt(this.#payload, this.#at, this.#batchEnd);
    const isLast = this.#record === batch.records - 1;
    if (span !== undefined && (isLast ? span.end === this.#batchEnd : true)) {
      return { span, records: 1, end: span.end };
    }
    const missing = batch.records - this.#record;
    const damage = batch.damage ?? 'the bytes in this place are no records';
    for (let at = this.#at + 1; at < this.#batchEnd; at++) {
      const behind = this.#recordsFrom(at);
      if (behind !== undefined && behind < missing) return { damage, records: missing - behind, end: at };
    }
    return { damage, records: missing, end: this.#batchEnd };
  }

  /** How many whole records follow each other from `at` to the end of the batch; `undefined` when something else does. */
  #recordsFrom(at: number): number | undefined {
    let records = 0;
    for (let next = at; next < this.#batchEnd; records++) {
      const span = spanAt(this.#payload, next, this.#batchEnd);
      if (span === undefined) return undefined;
      next = span.end;
    }
    return records;
  }

  #recordAt(batch: StoredBatch, place: Place): LogRecord {
    if ('damage' in place) return this.#damaged(batch, place, place.damage);
    const { keyStart, keyEnd, valueEnd, end, valueIsNull } = place.span;
    const headers = this.#headersAt(valueEnd, end);
    if (headers === undefined) return this.#damaged(batch, place, 'its headers are not JSON');
    return {
      topic: this.#topic,
      partition: 0,
      offset: batch.baseOffset + this.#record,
      timestamp: batch.timestamp,
      key: this.#payload.subarray(keyStart, keyEnd),
      value: valueIsNull ? null : this.#payload.subarray(keyEnd, valueEnd),
      headers,
    };
  }

  /** Records that follow each other often have the same. */
  #headersAt(start: number, end: number): RecordHeaders | undefined {
    const last = this.#lastHeaders;
    const isSame =
      last !== undefined &&
      end - start === last.end - last.start &&
      this.#payload.compare(this.#payload, last.start, last.end, start, end) === 0;
    if (isSame) return last.parsed;
    try {
      const parsed = JSON.parse(this.#payload.toString('utf8', start, end)) as RecordHeaders;
      this.#lastHeaders = { start, end, parsed };
      return parsed;
    } catch {
      return undefined;
    }
  }

  #damaged(batch: StoredBatch, { records, end }: Place, why: string): LogRecord {
    const topic = this.#topic;
    const offset = batch.baseOffset + this.#record;
    const many = records === 1 ? 'a record' : `${records} records`;
    return {
      topic,
      partition: 0,
      offset,
      timestamp: batch.timestamp,
      key: null,
      value: end > this.#at ? this.#payload.subarray(this.#at, end) : null,
      headers: {},
      damage: `${this.#file} is damaged: ${many} of ${topic} from offset ${offset} cannot be read: ${why}`,
      damagedRecords: records,
    };
  }

  #advance(batch: StoredBatch, place: Place): void {
    this.#at = place.end;
    this.#record += place.records;
    if (this.#record < batch.records) return;
    this.#record = 0;
    this.#batch++;
    this.#at = this.#batchEnd;
    this.#batchEnd += this.#batches[this.#batch]?.byteLength ?? 0;
  }
}

/** Where reading goes on after a record. */
export function offsetAfter({ offset, damagedRecords = 1 }: LogRecord): number {
  return offset + damagedRecords;
}
