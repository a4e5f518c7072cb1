import type { DatabaseSync } from 'node:sqlite';
import type { TopicSettings, TopicShare } from '#event-log/event-log.ts';
import type { CommitFailure, EnsuredTopic, Segment } from './log-thread-calls.ts';
import { namelessTopic } from './nameless-topic.ts';
import { unpackRecords } from './packed-records.ts';
import { shareLimit, shareRefusal } from './share-limit.ts';
import { type KeyRow, keyRows, rowBytes } from './stored-row.ts';
import { FIND_UNINDEXED, lostByIndex } from './unindexed-topic.ts';

interface Topic {
  readonly id: number;
  readonly cleanup: TopicSettings['cleanup'];
  /** Of a topic with a share. */
  readonly share: Pick<TopicShare, 'ofLog' | 'perKey'> | undefined;
}

/** A segment, ready to be stored or refused. */
export interface PreparedSegment {
  readonly segment: Segment;
  readonly topic: Topic | undefined;
  /** Of a topic with a share: its rows. */
  readonly rows: readonly KeyRow[] | undefined;
  readonly bytes: number;
}

/**
 * Topics and the rows of their records. Three kinds: rows as they were packed (readings), a row for each run of one key
 * (letters, whose topic has a share of the log), a row for each record (compacted topics).
 *
 * Everything must run inside a transaction; after one that was rolled back, `forget`.
 */
export class SegmentStore {
  readonly #file: string;
  readonly #topics = new Map<string, Topic>();
  readonly #sql;

  constructor(database: DatabaseSync, file: string) {
    this.#file = file;
    this.#sql = {
      findTopic: database.prepare(
        'SELECT id, cleanup, share_of_log, share_per_key FROM topics WHERE name = ?',
      ),
      findUnindexed: database.prepare(FIND_UNINDEXED),
      createTopic: database.prepare(
        'INSERT INTO topics (name, cleanup, retention_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
      ),
      findNameless: database.prepare('SELECT id FROM topics WHERE name LIKE ?'),
      rename: database.prepare('UPDATE topics SET name = ? WHERE id = ?'),
      setRetention: database.prepare(
        'UPDATE topics SET retention_ms = ?2 WHERE name = ?1 AND retention_ms <> ?2',
      ),
      setShare: database.prepare(
        'UPDATE topics SET share_of_log = ?2, share_per_key = ?3, settled_in = ?4 WHERE name = ?1',
      ),
      shareHeld: database.prepare(
        `SELECT share_bytes, coalesce((SELECT bytes FROM key_shares WHERE topic_id = ?1 AND key = ?2), 0) AS key_bytes
         FROM topics WHERE id = ?1`,
      ),
      takeOffsets: database.prepare(
        'UPDATE topics SET next_offset = next_offset + ?2 WHERE id = ?1 RETURNING next_offset - ?2 AS base_offset',
      ),
      insertBatch: database.prepare(
        `INSERT INTO record_batches (topic_id, base_offset, records, timestamp, seen_at, payload)
         VALUES (?, ?, ?, ?, coalesce(?, (SELECT seen_ms FROM log_state)), ?)`,
      ),
      insertShared: database.prepare(
        `INSERT INTO record_batches (topic_id, base_offset, records, timestamp, seen_at, key, is_deflated, share_bytes, payload)
         VALUES (?, ?, ?, ?, coalesce(?, (SELECT seen_ms FROM log_state)), ?, ?, ?, ?)`,
      ),
      insertKeyed: database.prepare(
        `INSERT INTO record_batches (topic_id, base_offset, records, timestamp, seen_at, key, is_tombstone, payload)
         VALUES (?, ?, 1, ?, coalesce(?, (SELECT seen_ms FROM log_state)), ?, ?, ?)`,
      ),
      // The `+` keeps SQLite from searching by offset, which would walk through the whole topic for each record.
      removeKeyed: database.prepare(
        'DELETE FROM record_batches WHERE topic_id = ? AND key = ? AND +base_offset < ?',
      ),
    };
  }

  /** Creates the topic when it is missing, and gives it these settings. */
  ensureTopic({ name, cleanup, retentionMs, share }: TopicSettings): EnsuredTopic {
    this.#adoptNameless(name, share !== undefined ? 'shared' : cleanup === 'compact' ? 'compact' : 'plain');
    const created = this.#sql.createTopic.run(name, cleanup, retentionMs).changes > 0;
    const existing = this.#topic(name);
    if (existing?.cleanup === cleanup) {
      this.#sql.setRetention.run(name, retentionMs);
      this.#setShare(name, existing, share);
    }
    return { name, created, cleanup: existing?.cleanup ?? cleanup };
  }

  prepare(segment: Segment): PreparedSegment {
    const topic = this.#topic(segment.topic);
    const rows = topic?.share === undefined ? undefined : keyRows(segment.payload);
    const bytes = rows?.reduce((sum, row) => sum + rowBytes(row), 0) ?? segment.payload.length;
    return { segment, topic, rows, bytes };
  }

  /** Why it does not fit into the share of its topic; `undefined` when it does, or there is none. */
  shareFailure({ topic, rows, segment }: PreparedSegment, logMaxBytes: number): CommitFailure | undefined {
    if (topic?.share === undefined || rows === undefined || segment.owed) return undefined;
    const limit = shareLimit(topic.share, logMaxBytes);
    const incoming = new Map<string, { readonly key: Uint8Array; bytes: number }>();
    for (const row of rows) {
      const key = Buffer.from(row.key).toString('latin1');
      const known = incoming.get(key) ?? { key: row.key, bytes: 0 };
      incoming.set(key, known);
      known.bytes += rowBytes(row);
    }
    for (const { key, bytes } of incoming.values()) {
      const held = this.#sql.shareHeld.get(topic.id, key);
      const use = { bytes: Number(held?.['share_bytes']), keyBytes: Number(held?.['key_bytes']) };
      const why = shareRefusal(use, bytes, limit);
      if (why === undefined) continue;
      const detail = `${segment.topic} in ${this.#file}: ${why}, and none that is settled (npm run dlq -- stats)`;
      return { cause: 'share-limit', detail };
    }
    return undefined;
  }

  /** @returns the offset of its first record */
  store({ segment, topic, rows }: PreparedSegment, seenMs: number | null): number {
    const { records, timestamp, payload } = segment;
    const baseOffset = topic && Number(this.#sql.takeOffsets.get(topic.id, records)?.['base_offset']);
    if (topic === undefined || baseOffset === undefined)
      throw new Error(`the topic ${segment.topic} vanished`);
    if (topic.cleanup === 'compact') this.#storeSingly(topic, baseOffset, segment, seenMs);
    else if (rows === undefined)
      this.#sql.insertBatch.run(topic.id, baseOffset, records, timestamp, seenMs, payload);
    else this.#storeRows(topic, { baseOffset, timestamp, seenMs }, rows);
    return baseOffset;
  }

  #storeSingly(
    topic: Topic,
    baseOffset: number,
    { timestamp, payload }: Segment,
    seenMs: number | null,
  ): void {
    for (const [index, { key, isTombstone, payload: single }] of unpackRecords(payload).entries()) {
      const tombstone = isTombstone ? 1 : 0;
      this.#sql.insertKeyed.run(topic.id, baseOffset + index, timestamp, seenMs, key, tombstone, single);
      this.#sql.removeKeyed.run(topic.id, key, baseOffset + index);
    }
  }

  #storeRows(
    topic: Topic,
    at: { readonly baseOffset: number; readonly timestamp: number; readonly seenMs: number | null },
    rows: readonly KeyRow[],
  ): void {
    let offset = at.baseOffset;
    for (const row of rows) {
      const { key, records, isDeflated, payload } = row;
      const deflated = isDeflated ? 1 : 0;
      const stored = [key, deflated, rowBytes(row), payload] as const;
      this.#sql.insertShared.run(topic.id, offset, records, at.timestamp, at.seenMs, ...stored);
      offset += records;
    }
  }

  /** What is known of topics may have been rolled back. */
  forget(): void {
    this.#topics.clear();
  }

  #setShare(name: string, { share }: Topic, wanted: TopicShare | undefined): void {
    if (share?.ofLog === wanted?.ofLog && share?.perKey === wanted?.perKey) return;
    this.#sql.setShare.run(name, wanted?.ofLog ?? null, wanted?.perKey ?? null, wanted?.settledIn ?? null);
    this.#topics.delete(name);
  }

  /** After damage that took the names: the only topic that holds what this one would is taken for it. */
  #adoptNameless(name: string, kind: Parameters<typeof namelessTopic>[0]): void {
    if (this.#sql.findTopic.get(name) !== undefined) return;
    // Another topic of that name would hide all that this one holds.
    if (this.#sql.findUnindexed.get(name) !== undefined) throw lostByIndex(name);
    const found = this.#sql.findNameless.all(namelessTopic(kind, '%'));
    if (found.length === 1) this.#sql.rename.run(name, Number(found[0]?.['id']));
  }

  /** Topics are never removed and never change their clean-up policy, and their owner alone sets their share. */
  #topic(name: string): Topic | undefined {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const row = this.#sql.findTopic.get(name);
    if (row === undefined) return undefined;
    const topic: Topic = {
      id: Number(row['id']),
      cleanup: row['cleanup'] === 'compact' ? 'compact' : 'delete',
      share:
        row['share_of_log'] === null
          ? undefined
          : { ofLog: Number(row['share_of_log']), perKey: Number(row['share_per_key']) },
    };
    this.#topics.set(name, topic);
    return topic;
  }
}
