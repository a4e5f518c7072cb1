import type { RecordHeaders } from '#contract/log-record.ts';

/** What all records of a record batch share; named as kafkajs names it, which filters by it. */
export interface BatchContext {
  readonly firstOffset: string;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly inTransaction: boolean;
}

/**
 * A record as it was fetched: a message for kafkajs, which asks for `offset` as text, with what a `LogRecord` needs as
 * it needs it. Key and value are views on what was fetched.
 */
export class FetchedRecord {
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;

  constructor(
    position: number,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: RecordHeaders,
    isControlRecord: boolean,
    batchContext: BatchContext,
  ) {
    this.position = position;
    this.timestamp = timestamp;
    this.key = key;
    this.value = value;
    this.headers = headers;
    this.isControlRecord = isControlRecord;
    this.batchContext = batchContext;
  }

  get offset(): string {
    return String(this.position);
  }

  /** Why this is no record; see `LogRecord`. */
  get damage(): string | undefined {
    return undefined;
  }
}

const NOBODY = '-1';
const contextOf = (firstOffset: number): BatchContext => ({
  firstOffset: String(firstOffset),
  lastOffsetDelta: 0,
  producerId: NOBODY,
  inTransaction: false,
});

/**
 * Stands for a record batch that cannot be read, in the place of its last record: what was asked for may begin in the
 * middle of the batch, and where to go on is behind it. The value is the batch as it was fetched.
 */
export class DamagedBatch extends FetchedRecord {
  readonly #damage: string;

  constructor(position: number, timestamp: number, bytes: Buffer, damage: string) {
    super(position, timestamp, null, bytes, {}, false, contextOf(position));
    this.#damage = damage;
  }

  override get damage(): string {
    return this.#damage;
  }
}

/**
 * The last offset of what was fetched, where no visible record stands there: after control records, what was aborted,
 * and what compaction removed. It is no record.
 */
export class FetchedUpTo extends FetchedRecord {
  constructor(position: number, timestamp: number) {
    super(position, timestamp, null, null, {}, false, contextOf(position));
  }
}
