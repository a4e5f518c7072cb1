import type { DatabaseSync } from 'node:sqlite';
import { describeSqliteFailure } from '#sqlite/sqlite-failure.ts';
import { inflated } from './stored-row.ts';

/** A row of `record_batches`. */
export interface StoredRow {
  readonly baseOffset: number;
  readonly records: number;
  /** Of a row that cannot be read: about. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** Why it cannot be read; then there is no payload, and its records are those up to the next row. */
  readonly damage?: string;
}

type SqlRow = Readonly<Record<string, unknown>>;

const NO_BYTES = new Uint8Array(0);

/**
 * Rows of one topic in the order of their offsets, read one after the other. When SQLite meets a page that it cannot
 * read, the rows are looked up one by one from there on: the index says which there are, so that those which stand on
 * that page can be told from all others. A damaged index is another matter: that is thrown, and can be made anew.
 */
export class StoredRows {
  readonly #limit: number;
  readonly #sql;

  /** @param limit rows that one call reads at most. */
  constructor(database: DatabaseSync, limit: number) {
    this.#limit = limit;
    this.#sql = {
      at: database.prepare(
        `SELECT base_offset, records FROM record_batches WHERE topic_id = ? AND base_offset <= ?
         ORDER BY base_offset DESC LIMIT 1`,
      ),
      rows: database.prepare(
        `SELECT base_offset, records, timestamp, is_deflated, payload FROM record_batches WHERE topic_id = ? AND base_offset >= ?
         ORDER BY base_offset LIMIT ?`,
      ),
      // Of the index alone.
      keyAt: database.prepare(
        `SELECT base_offset FROM record_batches WHERE topic_id = ? AND base_offset <= ?
         ORDER BY base_offset DESC LIMIT 1`,
      ),
      keys: database.prepare(
        `SELECT base_offset, rowid AS id FROM record_batches WHERE topic_id = ? AND base_offset >= ?
         ORDER BY base_offset LIMIT ?`,
      ),
      row: database.prepare(
        'SELECT base_offset, records, timestamp, is_deflated, payload FROM record_batches WHERE rowid = ?',
      ),
      place: database.prepare(`SELECT base_offset, records, timestamp, coalesce(seen_at, timestamp) AS seen_ms
         FROM record_batches WHERE rowid = ?`),
    };
  }

  /**
   * Offset behind the last row, of a topic that ends at `endOffset`: a file made anew leaves out offsets that may have been
   * given, and nothing will ever be read there. `endOffset`, where there is no row, or none that can be read.
   */
  endOf(topicId: number, endOffset: number): number {
    const last = this.#readable(() => this.#sql.at.get(topicId, endOffset));
    return last === undefined ? endOffset : Number(last['base_offset']) + Number(last['records']);
  }

  /** From the row that holds `offset` on; from the one behind it when that record is not there (any more). */
  *from(topicId: number, offset: number, endOffset: number): Generator<StoredRow> {
    if (offset >= endOffset) return;
    let next = this.#startOf(topicId, offset);
    let left = this.#limit;
    try {
      for (const row of this.#sql.rows.iterate(topicId, next, left)) {
        const stored = storedRow(row, endOffset);
        if (stored === undefined) throw new RangeError('a row is no row of records');
        yield stored;
        next = stored.baseOffset + stored.records;
        left--;
      }
    } catch (error) {
      const { kind, detail } = describeSqliteFailure(error);
      if (kind !== 'damaged') throw error;
      yield* this.#oneByOne(topicId, next, { left, endOffset, detail });
    }
  }

  /** Log time of the first record at or after `offset` that can be read, on both scales; `undefined` = there is none. */
  timesAt(
    topicId: number,
    offset: number,
  ): { readonly timestamp: number; readonly seenMs: number } | undefined {
    const from = Number(this.#sql.keyAt.get(topicId, offset)?.['base_offset'] ?? offset);
    for (const { id } of this.#sql.keys.iterate(topicId, from, this.#limit)) {
      const row = this.#readable(() => this.#sql.place.get(Number(id)));
      if (row === undefined) continue;
      if (Number(row['base_offset']) + Number(row['records']) > offset)
        return { timestamp: Number(row['timestamp']), seenMs: Number(row['seen_ms']) };
    }
    return undefined;
  }

  /**
   * First offset of the first row whose log time is `timeMs` or later, rows that cannot be read left out. Looks at each
   * row in turn, some hundred thousand a second, because a clock that was set back leaves nothing to search by.
   */
  offsetAt(topicId: number, timeMs: number): number | undefined {
    for (let next = 0; ; ) {
      const keys = this.#sql.keys.all(topicId, next, this.#limit);
      for (const { id } of keys) {
        const row = this.#readable(() => this.#sql.place.get(Number(id)));
        if (row !== undefined && Number(row['timestamp']) >= timeMs) return Number(row['base_offset']);
      }
      const last = keys.at(-1);
      if (last === undefined) return undefined;
      next = Number(last['base_offset']) + 1;
    }
  }

  *#oneByOne(
    topicId: number,
    from: number,
    {
      left,
      endOffset,
      detail,
    }: { readonly left: number; readonly endOffset: number; readonly detail: string },
  ): Generator<StoredRow> {
    // All at once, for the statement may be used again while this one is held up. One more, to know where the last ends.
    const keys = this.#sql.keys.all(topicId, from, left + 1);
    let timestamp = this.timesAt(topicId, from)?.timestamp ?? 0;
    for (const [index, { base_offset, id }] of keys.slice(0, left).entries()) {
      const baseOffset = Number(base_offset);
      const end = Number(keys[index + 1]?.['base_offset'] ?? endOffset);
      const row = this.#readable(() => this.#sql.row.get(Number(id)));
      const stored = row && storedRow(row, end);
      if (stored?.baseOffset === baseOffset) {
        timestamp = stored.timestamp;
        yield stored;
        continue;
      }
      const records = end - baseOffset;
      yield { baseOffset, records, timestamp, payload: NO_BYTES, damage: detail };
    }
  }

  /** First offset of the row that holds `offset`; `offset` itself when that record is not there. */
  #startOf(topicId: number, offset: number): number {
    const row = this.#readable(
      () => this.#sql.at.get(topicId, offset) ?? { base_offset: offset, records: 1 },
    );
    // Which records a row holds that cannot be read is not known: these, if any does.
    if (row === undefined) return Number(this.#sql.keyAt.get(topicId, offset)?.['base_offset'] ?? offset);
    return Number(row['base_offset']) + Number(row['records']) <= offset
      ? offset
      : Number(row['base_offset']);
  }

  /** `undefined` when SQLite cannot read it. */
  #readable(read: () => SqlRow | undefined): SqlRow | undefined {
    try {
      return read();
    } catch (error) {
      if (describeSqliteFailure(error).kind !== 'damaged') throw error;
      return undefined;
    }
  }
}

/** `undefined` when it says what no row can say: its page holds something else than was written. */
function storedRow(row: SqlRow, end: number): StoredRow | undefined {
  const { base_offset: baseOffset, records, timestamp, is_deflated, payload } = row;
  if (!isCount(baseOffset) || !isCount(records) || !isCount(timestamp)) return undefined;
  if (records < 1 || baseOffset + records > end || !(payload instanceof Uint8Array)) return undefined;
  try {
    return { baseOffset, records, timestamp, payload: inflated(payload, is_deflated === 1) };
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
