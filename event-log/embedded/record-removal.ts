import type { DatabaseSync } from 'node:sqlite';
import { count } from '#sqlite/open-database.ts';
import type { RemovalRequest, RemovalResult } from './log-thread-calls.ts';
import { SettledRemoval } from './settled-removal.ts';

/** Rows that one call removes at most: appends wait for it, and a row of 256 KiB takes up to some milliseconds. */
const ROWS_PER_CALL = 8;
/** Pages that one call gives back at most: up to 25 ms on a slow disk. */
const PAGES_PER_CALL = 256;
/** Free pages are kept for reuse up to this share of the file, and up to this many. */
const FREE_SHARE_KEPT = 0.25;
const FREE_PAGES_KEPT = 16 * 1024;
/** From this share of the limit on, records that every known group has consumed, and settled ones, go before their time. */
export const CROWDED_SHARE = 0.9;
/** How long a compacted topic remembers that a key was removed, for readers that are behind. As Kafka's `delete.retention.ms`. */
const TOMBSTONE_MS = 24 * 60 * 60 * 1000;
/** How exact `seen_at` has to be. */
const SEEN_STEP_MS = 10 * 60 * 1000;

/**
 * Removes records that are no longer needed, a few rows a call, so that appends get in between.
 *
 * A record may go when its retention time is over and every known group has consumed it. When the file comes near its
 * limit, consumed records go before their time, oldest first. What a known group has not consumed is never removed:
 * when nothing else is left, the log refuses new records instead, and the devices, unacknowledged, keep them (P2, P6).
 * A group counts as known from its first subscription until it has not been seen for a week; else a group that was
 * renamed long ago would hold the log until it is full. A topic that no group reads (dead letters) goes by time alone.
 */
export class RecordRemoval {
  readonly #database: DatabaseSync;
  readonly #settled: SettledRemoval;
  readonly #pageSize: number;
  /** Of the last look of the housekeeping; `undefined` before it: groups may not have subscribed yet. */
  #groupsSince: number | undefined;
  /** Records by topic that were removed since then, to make room; too many, when their transaction failed. */
  readonly #untold = new Map<string, number>();
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#settled = new SettledRemoval(database);
    this.#pageSize = count(database, 'page_size');
    this.#sql = {
      pageCount: database.prepare('PRAGMA page_count'),
      freelistCount: database.prepare('PRAGMA freelist_count'),
      maxBytes: database.prepare('SELECT max_bytes FROM log_state'),
      topics: database.prepare('SELECT id, name, cleanup, retention_ms FROM topics'),
      consumedTo: database.prepare(
        'SELECT min(committed_offset) AS consumed_to FROM consumer_groups WHERE topic_id = ? AND seen_at >= ?',
      ),
      oldest: database.prepare(
        `SELECT base_offset, records, coalesce(seen_at, timestamp) AS seen_at FROM record_batches WHERE topic_id = ?
         ORDER BY base_offset LIMIT ${ROWS_PER_CALL}`,
      ),
      removeTo: database.prepare('DELETE FROM record_batches WHERE topic_id = ? AND base_offset <= ?'),
      removeTombstones: database.prepare(
        `DELETE FROM record_batches WHERE rowid IN (
           SELECT rowid FROM record_batches WHERE topic_id = ? AND key IS NOT NULL AND is_tombstone = 1 AND coalesce(seen_at, timestamp) < ? LIMIT 100)`,
      ),
      groupSeen: database.prepare(
        `UPDATE consumer_groups SET seen_at = ?3
         WHERE topic_id = (SELECT id FROM topics WHERE name = ?1) AND name = ?2 AND seen_at < ?3 - ${SEEN_STEP_MS}`,
      ),
    };
  }

  /** Bytes in pages that hold something. */
  usedBytes(): number {
    return (this.#pages() - this.#freePages()) * this.#pageSize;
  }

  /** The limit of the file. */
  maxBytes(): number {
    return Number(this.#sql.maxBytes.get()?.['max_bytes']);
  }

  removeOld({ seenMs, activeGroups, groupsSince }: RemovalRequest): RemovalResult {
    const maxBytes = this.maxBytes();
    this.#groupsSince = groupsSince;
    for (const { topic, group } of activeGroups) this.#sql.groupSeen.run(topic, group, seenMs);
    const crowded = this.usedBytes() > maxBytes * CROWDED_SHARE;
    const topics: { topic: string; removedRecords: number; forSpace: boolean }[] = [];
    let more = false;
    for (const row of this.#sql.topics.all()) {
      const topicId = Number(row['id']);
      if (row['cleanup'] === 'compact') {
        this.#sql.removeTombstones.run(topicId, seenMs - TOMBSTONE_MS);
        continue;
      }
      const removed = this.#removeFrom(topicId, {
        consumedTo: this.#consumedTo(topicId, groupsSince),
        before: seenMs - Number(row['retention_ms']),
        crowded,
      });
      if (removed.records === 0) continue;
      topics.push({
        topic: String(row['name']),
        removedRecords: removed.records,
        forSpace: removed.forSpace,
      });
      more ||= removed.rows === ROWS_PER_CALL || crowded;
    }
    const settled = this.#removeSettled(maxBytes, crowded);
    const untold = Array.from(this.#untold, ([topic, removedRecords]) => ({
      topic,
      removedRecords,
      forSpace: true,
    }));
    this.#untold.clear();
    return {
      topics: [...untold, ...topics, ...settled.topics],
      more: more || settled.more,
      usedBytes: this.usedBytes(),
    };
  }

  /**
   * A few consumed records, the oldest, before the next look of the housekeeping, which tells of them. Must run inside a
   * transaction. @returns whether there were any
   */
  removeConsumed(): boolean {
    const groupsSince = this.#groupsSince;
    if (groupsSince === undefined) return false;
    let removed = 0;
    for (const { id, name, cleanup } of this.#sql.topics.all()) {
      if (cleanup === 'compact') continue;
      const consumedTo = this.#consumedTo(Number(id), groupsSince);
      const { records } = this.#removeFrom(Number(id), { consumedTo, before: -Infinity, crowded: true });
      this.#tellLater(String(name), records);
      removed += records;
    }
    return removed > 0;
  }

  /**
   * A few settled letters, whatever room the log has; the next look of the housekeeping tells of them.
   *
   * @returns whether there may be more.
   */
  removeSettled(where: 'everywhere' | 'where-crowded'): boolean {
    const { topics, more } = this.#removeSettled(this.maxBytes(), where === 'everywhere');
    for (const { topic, removedRecords } of topics) this.#tellLater(topic, removedRecords);
    return more || topics.length > 0;
  }

  /** Gives free pages back to the file system; true when there are more to give back. */
  giveBackSpace(): boolean {
    const free = this.#freePages();
    if (free <= Math.max(FREE_PAGES_KEPT, this.#pages() * FREE_SHARE_KEPT)) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${PAGES_PER_CALL})`);
    return this.#freePages() < free;
  }

  #tellLater(topic: string, records: number): void {
    if (records > 0) this.#untold.set(topic, (this.#untold.get(topic) ?? 0) + records);
  }

  #removeSettled(maxBytes: number, crowded: boolean): Pick<RemovalResult, 'topics' | 'more'> {
    const steps = this.#settled.step(maxBytes, crowded);
    return {
      topics: steps
        .filter(({ removedRecords }) => removedRecords > 0)
        .map(({ topic, removedRecords }) => ({ topic, removedRecords, forSpace: true })),
      more: steps.some(({ more }) => more),
    };
  }

  #removeFrom(
    topicId: number,
    may: { readonly consumedTo: number | null; readonly before: number; readonly crowded: boolean },
  ): { readonly rows: number; readonly records: number; readonly forSpace: boolean } {
    let rows = 0;
    let records = 0;
    let last = -1;
    let forSpace = false;
    for (const row of this.#sql.oldest.iterate(topicId)) {
      const end = Number(row['base_offset']) + Number(row['records']);
      const expired = Number(row['seen_at']) < may.before;
      const consumed = may.consumedTo !== null && end <= may.consumedTo;
      if (may.consumedTo !== null && !consumed) break;
      if (!expired && !(may.crowded && consumed)) break;
      rows++;
      records += Number(row['records']);
      last = Number(row['base_offset']);
      forSpace ||= !expired;
    }
    if (rows > 0) this.#sql.removeTo.run(topicId, last);
    return { rows, records, forSpace };
  }

  /** `null`: no group is known. */
  #consumedTo(topicId: number, groupsSince: number): number | null {
    const consumedTo = this.#sql.consumedTo.get(topicId, groupsSince)?.['consumed_to'];
    return consumedTo === null || consumedTo === undefined ? null : Number(consumedTo);
  }

  #pages(): number {
    return Number(this.#sql.pageCount.get()?.['page_count']);
  }

  #freePages(): number {
    return Number(this.#sql.freelistCount.get()?.['freelist_count']);
  }
}
