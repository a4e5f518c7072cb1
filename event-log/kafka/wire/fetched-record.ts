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
 * Stands for records that cannot be read, in the place of the last of them: what was asked for may begin in their
 * middle, and where to go on is behind them. The value is what stands there, as far as it was fetched.
 */
export class DamagedBatch extends FetchedRecord {
  /** Offset of the first record that stood there. */
  readonly first: number;
  readonly #damage: string;

  constructor(first: number, last: number, timestamp: number, bytes: Buffer | null, why: string) {
    super(last, timestamp, null, bytes, {}, false, contextOf(first));
    this.first = first;
    this.#damage = `${first === last ? `offset ${first}` : `offsets ${first} to ${last}`} cannot be read: ${why}`;
  }

  override get damage(): string {
    return this.#damage;
  }
}

/**
 * Stands at the offset that was asked for, where a broker's answer is not to be taken as it is: it cannot read there, what
 * it sent begins behind it, or is damaged. It is no record, but asks for a second look (`ask/fetch-partition.ts`).
 */
export class SecondLook extends FetchedRecord {
  constructor(position: number) {
    super(position, 0, null, null, {}, false, contextOf(position));
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
