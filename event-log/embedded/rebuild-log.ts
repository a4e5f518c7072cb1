import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { FilePages } from '#sqlite/file-pages.ts';
import { openForWriting } from '#sqlite/open-database.ts';
import { type SalvagedValue, salvagedRows } from '#sqlite/salvaged-rows.ts';
import { createLog, LOG_FILE_SETTINGS } from './log-file.ts';
import { lostRecords, type OffsetRange } from './lost-records.ts';
import { namelessTopic } from './nameless-topic.ts';
import { salvagedLogRow } from './salvaged-log.ts';

/** Offsets go on so far behind the last known one, when there may have been others: more than a write-ahead log holds. */
const SAFE_GAP = 1_000_000;
const ROWS_PER_TRANSACTION = 500;

/** What became of the records of one topic. */
export interface RebuiltTopic {
  readonly topic: string;
  readonly records: number;
  /**
   * Of readings: records known to be missing; consumers are told of each in its place. Of other topics: rows, as far as
   * an index remembers them.
   */
  readonly lost: number;
  readonly nextOffset: number;
}

/**
 * Makes a log at `to` of all that can be read in the damaged one at `from`: records with their offsets, committed offsets,
 * the limit, time seen. In the place of records that are known to be missing stands a row without bytes, which consumers
 * are told of as of any damage. Offsets never begin anew: they go on behind the last one that is known of (by a row, the
 * topic, or a consumer), and with a gap where later ones may have been lost.
 *
 * @param maxBytes the limit where the file's own is lost.
 */
export function rebuildLog(from: string, to: string, maxBytes: number): readonly RebuiltTopic[] {
  const database = openForWriting(to, LOG_FILE_SETTINGS);
  try {
    // The last write to the damaged file: from when on time counts if nothing in it says more.
    createLog(database, Math.round(statSync(from).mtimeMs));
    database.exec('PRAGMA synchronous = OFF');
    using pages = new FilePages(from);
    const rebuilding = new LogRebuild(database);
    rebuilding.copy(pages);
    const topics = rebuilding.finish({
      maxBytes,
      mayBeBehind: !pages.hasHeader || !pages.isWalWhole,
      knowsPlaces: pages.hasHeader,
    });
    database.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)');
    return topics;
  } finally {
    database.close();
  }
}

class LogRebuild {
  readonly #database: DatabaseSync;
  readonly #names = new Map<number, string>();
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(
      'CREATE TEMP TABLE places (topic_id, base_offset, PRIMARY KEY (topic_id, base_offset)) WITHOUT ROWID',
    );
    this.#sql = {
      // Where a page stands twice, its older copy may be on one that is free: the later offset is right.
      topic: database.prepare(
        `INSERT INTO topics (id, name, cleanup, retention_ms, next_offset, share_of_log, share_per_key, settled_in)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET next_offset = max(next_offset, excluded.next_offset)`,
      ),
      batch: database.prepare(
        `INSERT INTO record_batches
           (topic_id, base_offset, records, timestamp, seen_at, key, is_tombstone, is_deflated, share_bytes, payload)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ),
      place: database.prepare('INSERT OR IGNORE INTO places VALUES (?, ?)'),
      group: database.prepare(
        `INSERT INTO consumer_groups VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
           committed_offset = max(committed_offset, excluded.committed_offset), seen_at = max(seen_at, excluded.seen_at)`,
      ),
      state: database.prepare('UPDATE log_state SET seen_ms = ?, seen_time = ?, max_bytes = ?'),
      rows: database.prepare(
        'SELECT base_offset, records FROM record_batches WHERE topic_id = ? ORDER BY base_offset',
      ),
    };
  }

  copy(pages: FilePages): void {
    // References between tables hold at the end, not while the rows come as the pages do.
    this.#database.exec('PRAGMA foreign_keys = OFF; BEGIN');
    let rows = 0;
    for (const salvaged of salvagedRows(pages)) {
      const row = salvagedLogRow(salvaged);
      if (row === undefined) continue;
      switch (row.kind) {
        case 'topic':
          this.#sql.topic.run(row.id, ...topicValues(row.values));
          break;
        case 'topic-name':
          this.#names.set(row.id, row.name);
          break;
        case 'batch': {
          const { baseOffset, records, timestamp, seenAt, key, ...rest } = row.batch;
          const { isTombstone, isDeflated, shareBytes, payload } = rest;
          const stored = [key, isTombstone, isDeflated, shareBytes, payload];
          this.#sql.batch.run(row.topicId, baseOffset, records, timestamp, seenAt, ...stored);
          break;
        }
        case 'batch-place':
          this.#sql.place.run(row.topicId, row.baseOffset);
          break;
        case 'group':
          this.#sql.group.run(...row.values);
          break;
        case 'state':
          if (isJson(row.values[2])) this.#sql.state.run(...row.values.slice(1));
          break;
      }
      if (++rows % ROWS_PER_TRANSACTION === 0) this.#database.exec('COMMIT; BEGIN');
    }
    this.#database.exec('COMMIT');
  }

  finish(about: {
    readonly maxBytes: number;
    readonly mayBeBehind: boolean;
    readonly knowsPlaces: boolean;
  }): RebuiltTopic[] {
    this.#database.exec('BEGIN');
    if (!about.knowsPlaces) this.#database.exec('DELETE FROM places');
    this.#database.prepare('UPDATE log_state SET max_bytes = ? WHERE max_bytes = 0').run(about.maxBytes);
    const known = new Set(this.#ids('SELECT id FROM topics'));
    for (const id of this.#ids(
      'SELECT topic_id AS id FROM record_batches UNION SELECT topic_id FROM consumer_groups',
    ))
      if (!known.has(id)) this.#addTopic(id);
    // Sums of shares were counted by a trigger, into topics that came before their rows only.
    this.#database.exec(
      `UPDATE topics SET share_bytes =
         (SELECT coalesce(sum(share_bytes), 0) FROM record_batches WHERE topic_id = topics.id)`,
    );
    const topics = this.#ids('SELECT id FROM topics').map((id) =>
      this.#finishTopic(id, about.mayBeBehind || !known.has(id)),
    );
    this.#database.exec('COMMIT; DROP TABLE places');
    return topics;
  }

  #addTopic(id: number): void {
    const row = this.#get('SELECT key, share_bytes FROM record_batches WHERE topic_id = ? LIMIT 1', id);
    const keyed = row['key'] instanceof Uint8Array;
    const kind = !keyed ? 'plain' : row['share_bytes'] === null ? 'compact' : 'shared';
    const name = this.#names.get(id) ?? namelessTopic(kind, id);
    // How long records are kept is set by who asks for the topic; until then nothing goes.
    const retentionMs = Number.MAX_SAFE_INTEGER;
    const cleanup = kind === 'compact' ? 'compact' : 'delete';
    this.#sql.topic.run(id, name, cleanup, retentionMs, 0, null, null, null);
  }

  #finishTopic(id: number, mayBeBehind: boolean): RebuiltTopic {
    const topic = this.#get('SELECT name, cleanup, next_offset FROM topics WHERE id = ?', id);
    const held = this.#get(
      `SELECT min(base_offset) AS first, max(base_offset + records) AS end, sum(records) AS records,
         count(share_bytes) AS shared FROM record_batches WHERE topic_id = ?`,
      id,
    );
    const committed = this.#get(
      'SELECT max(committed_offset) AS last FROM consumer_groups WHERE topic_id = ? AND committed_offset >= 0',
      id,
    );
    const end = Math.max(Number(topic['next_offset']), Number(held['end']), Number(committed['last']));
    const nextOffset = mayBeBehind ? end + SAFE_GAP : end;
    this.#database.prepare('UPDATE topics SET next_offset = ? WHERE id = ?').run(nextOffset, id);
    // What has read everything has read up to the gap, too.
    this.#database
      .prepare(
        'UPDATE consumer_groups SET committed_offset = ?2 WHERE topic_id = ?1 AND committed_offset >= ?3',
      )
      .run(id, nextOffset, end);
    const isPlain = topic['cleanup'] === 'delete' && Number(held['shared']) === 0;
    const missing = this.#get(
      `SELECT count(*) AS rows, min(base_offset) AS first FROM places WHERE topic_id = ?1 AND base_offset NOT IN
         (SELECT base_offset FROM record_batches WHERE topic_id = ?1)`,
      id,
    );
    // What no group has read was not removed. Where nothing at all says where the topic began, it is taken for empty.
    const first = [held['first'], missing['first'], committed['last']]
      .filter((it) => it !== null)
      .map(Number);
    const from = Math.min(end, ...first);
    const lost = isPlain ? this.#markLost(id, from, end) : Number(missing['rows']);
    return { topic: String(topic['name']), records: Number(held['records'] ?? 0), lost, nextOffset };
  }

  #markLost(id: number, from: number, to: number): number {
    const rows = this.#sql.rows
      .all(id)
      .map(
        (row): OffsetRange => ({ baseOffset: Number(row['base_offset']), records: Number(row['records']) }),
      );
    let lost = 0;
    for (const { baseOffset, records } of lostRecords(rows, from, to)) {
      const near = this.#get(
        `SELECT timestamp, seen_at FROM record_batches WHERE topic_id = ? AND base_offset >= ?
         ORDER BY base_offset LIMIT 1`,
        id,
        baseOffset,
      );
      const at = near['timestamp'] === undefined ? this.#newest() : near;
      const noBytes = new Uint8Array(0);
      const times = [Number(at['timestamp'] ?? 0), Number(at['seen_at'] ?? at['timestamp'] ?? 0)] as const;
      this.#sql.batch.run(id, baseOffset, records, ...times, null, 0, 0, null, noBytes);
      lost += records;
    }
    return lost;
  }

  #newest(): Readonly<Record<string, unknown>> {
    return this.#get(
      'SELECT max(timestamp) AS timestamp, (SELECT seen_ms FROM log_state) AS seen_at FROM record_batches',
    );
  }

  #ids(sql: string): number[] {
    return this.#database
      .prepare(sql)
      .all()
      .map(({ id }) => Number(id));
  }

  #get(sql: string, ...parameters: number[]): Readonly<Record<string, unknown>> {
    return this.#database.prepare(sql).get(...parameters) ?? {};
  }
}

type TopicValues = [
  SalvagedValue,
  SalvagedValue,
  SalvagedValue,
  SalvagedValue,
  SalvagedValue,
  SalvagedValue,
  SalvagedValue,
];

function topicValues(values: readonly SalvagedValue[]): TopicValues {
  const [, name = null, cleanup = null, retentionMs = null, nextOffset = null, ...share] = values;
  return [name, cleanup, retentionMs, nextOffset, share[0] ?? null, share[1] ?? null, share[2] ?? null];
}

function isJson(value: SalvagedValue | undefined): boolean {
  try {
    JSON.parse(String(value));
    return true;
  } catch {
    return false;
  }
}
