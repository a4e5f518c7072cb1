import type { DatabaseSync } from 'node:sqlite';
import type { TopicSettings } from '#event-log/event-log.ts';
import { describeSqliteFailure } from '#sqlite/sqlite-failure.ts';
import { inTransaction } from '#sqlite/transaction.ts';
import { WriteAheadLog } from '#sqlite/write-ahead-log.ts';
import { LOG_FILE_SETTINGS } from './log-file.ts';
import type {
  CommitFailure,
  CommitRequest,
  CommitResult,
  EnsuredTopic,
  GroupRequest,
  OffsetCommit,
  RemovalRequest,
  RemovalResult,
  Segment,
  SegmentResult,
  WriterCalls,
} from './log-thread-calls.ts';
import { splitBatch } from './record-batch.ts';
import { RecordRemoval } from './record-removal.ts';

/** Room beyond the payloads for index entries and page headers when the size limit is checked. Bytes. */
const OVERHEAD_BYTES = 64 * 1024;

interface Topic {
  readonly id: number;
  readonly cleanup: TopicSettings['cleanup'];
}

/**
 * All writing to the file, in the writer thread. Offsets are given inside the transaction that stores the records, so
 * that another process may append beside this one: SQLite lets one writer in at a time.
 *
 * Either all records of a transaction are stored or none, except those of a topic that does not exist. Whoever calls
 * appends the refused ones again before newer ones of the same topic, which keeps their order.
 */
export class LogWriter implements WriterCalls {
  readonly #database: DatabaseSync;
  readonly #maxBytes: number;
  readonly #removal: RecordRemoval;
  readonly #wal: WriteAheadLog;
  readonly #topics = new Map<string, Topic>();
  readonly #sql;

  constructor(database: DatabaseSync, options: { readonly maxBytes: number }) {
    this.#database = database;
    this.#maxBytes = options.maxBytes;
    this.#removal = new RecordRemoval(database, options);
    this.#wal = new WriteAheadLog(database, LOG_FILE_SETTINGS.walKeptBytes);
    this.#sql = {
      findTopic: database.prepare('SELECT id, cleanup FROM topics WHERE name = ?'),
      createTopic: database.prepare(
        'INSERT INTO topics (name, cleanup, retention_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
      ),
      setRetention: database.prepare(
        'UPDATE topics SET retention_ms = ?2 WHERE name = ?1 AND retention_ms <> ?2',
      ),
      takeOffsets: database.prepare(
        'UPDATE topics SET next_offset = next_offset + ?2 WHERE id = ?1 RETURNING next_offset - ?2 AS base_offset',
      ),
      insertBatch: database.prepare(
        'INSERT INTO record_batches (topic_id, base_offset, records, timestamp, payload) VALUES (?, ?, ?, ?, ?)',
      ),
      insertKeyed: database.prepare(
        `INSERT INTO record_batches (topic_id, base_offset, records, timestamp, key, is_tombstone, payload)
         VALUES (?, ?, 1, ?, ?, ?, ?)`,
      ),
      // The `+` keeps SQLite from searching by offset, which would walk through the whole topic for each record.
      removeKeyed: database.prepare(
        'DELETE FROM record_batches WHERE topic_id = ? AND key = ? AND +base_offset < ?',
      ),
      commitOffset: database.prepare(
        `INSERT INTO consumer_groups (topic_id, name, committed_offset, seen_at)
         SELECT id, ?2, ?3, 0 FROM topics WHERE name = ?1
         ON CONFLICT (topic_id, name) DO UPDATE SET committed_offset = excluded.committed_offset`,
      ),
      joinGroup: database.prepare(
        `INSERT INTO consumer_groups (topic_id, name, seen_at) SELECT id, ?2, ?3 FROM topics WHERE name = ?1
         ON CONFLICT (topic_id, name) DO UPDATE SET seen_at = excluded.seen_at`,
      ),
      probe: database.prepare('UPDATE write_probe SET filling = zeroblob(65536)'),
    };
  }

  commit(request: CommitRequest): CommitResult {
    try {
      this.#wal.cutExcess();
      return this.#transaction(() => this.#commit(request));
    } catch (error) {
      return this.#refuseAll(request, commitFailureOf(error));
    }
  }

  ensureTopics(topics: readonly TopicSettings[]): readonly EnsuredTopic[] {
    return this.#transaction(() =>
      topics.map(({ name, cleanup, retentionMs }) => {
        const created = this.#sql.createTopic.run(name, cleanup, retentionMs).changes > 0;
        const existing = this.#topic(name);
        if (existing?.cleanup === cleanup) this.#sql.setRetention.run(name, retentionMs);
        return { name, created, cleanup: existing?.cleanup ?? cleanup };
      }),
    );
  }

  joinGroup({ topic, group, now }: GroupRequest): void {
    const { changes } = this.#transaction(() => this.#sql.joinGroup.run(topic, group, now));
    if (changes === 0) throw new Error(`the topic ${topic} does not exist`);
  }

  removeOld(request: RemovalRequest): RemovalResult {
    const result = this.#transaction(() => this.#removal.removeOld(request));
    // Vacuuming cannot share the transaction.
    const gaveBack = !result.more && this.#removal.giveBackSpace();
    return { ...result, more: result.more || gaveBack };
  }

  #commit({ segments, offsets, probe }: CommitRequest): CommitResult {
    const sizeFailure = this.#sizeFailure(segments);
    const results = segments.map((segment): SegmentResult => {
      const failure = sizeFailure ?? this.#unknownTopic(segment.topic);
      return failure === undefined
        ? { kind: 'durable', baseOffset: this.#store(segment) }
        : { kind: 'refused', failure, payload: segment.payload };
    });
    this.#commitOffsets(offsets);
    if (probe) this.#sql.probe.run();
    return {
      segments: results,
      offsetsFailure: undefined,
      failure: sizeFailure,
      usedBytes: this.#removal.usedBytes(),
    };
  }

  /** When records do not fit any more, the few bytes of the offsets often still do: without them nothing could ever be removed. */
  #refuseAll({ segments, offsets }: CommitRequest, failure: CommitFailure): CommitResult {
    let offsetsFailure: CommitFailure | undefined;
    try {
      if (offsets.length > 0) this.#transaction(() => this.#commitOffsets(offsets));
    } catch (error) {
      offsetsFailure = commitFailureOf(error);
    }
    return {
      segments: segments.map(({ payload }) => ({ kind: 'refused', failure, payload })),
      offsetsFailure,
      failure,
      usedBytes: this.#removal.usedBytes(),
    };
  }

  #sizeFailure(segments: readonly Segment[]): CommitFailure | undefined {
    const incoming = segments.reduce((total, { payload }) => total + payload.length, OVERHEAD_BYTES);
    const used = this.#removal.usedBytes();
    const excess = this.#wal.excessBytes();
    if (used + excess + incoming <= this.#maxBytes) return undefined;
    if (used + incoming <= this.#maxBytes) {
      return {
        cause: 'size-limit',
        detail: `the log holds ${used} of at most ${this.#maxBytes} bytes (EMBEDDED_MAX_BYTES), and its write-ahead log has grown by ${excess}, because another program keeps reading the file`,
      };
    }
    return {
      cause: 'size-limit',
      detail: `the log holds ${used} of at most ${this.#maxBytes} bytes (EMBEDDED_MAX_BYTES), and none that may be removed`,
    };
  }

  #unknownTopic(name: string): CommitFailure | undefined {
    if (this.#topic(name) !== undefined) return undefined;
    return { cause: 'unknown-topic', detail: `the topic ${name} does not exist` };
  }

  #store({ topic: name, records, timestamp, payload }: Segment): number {
    const topic = this.#topic(name);
    const baseOffset = topic && Number(this.#sql.takeOffsets.get(topic.id, records)?.['base_offset']);
    if (topic === undefined || baseOffset === undefined) throw new Error(`the topic ${name} vanished`);
    if (topic.cleanup === 'delete') {
      this.#sql.insertBatch.run(topic.id, baseOffset, records, timestamp, payload);
      return baseOffset;
    }
    for (const [index, { key, isTombstone, payload: single }] of splitBatch(payload).entries()) {
      this.#sql.insertKeyed.run(topic.id, baseOffset + index, timestamp, key, isTombstone ? 1 : 0, single);
      this.#sql.removeKeyed.run(topic.id, key, baseOffset + index);
    }
    return baseOffset;
  }

  #commitOffsets(offsets: readonly OffsetCommit[]): void {
    for (const { topic, group, offset } of offsets) this.#sql.commitOffset.run(topic, group, offset);
  }

  /** Topics are never removed and never change their clean-up policy, so they can be remembered. */
  #topic(name: string): Topic | undefined {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const row = this.#sql.findTopic.get(name);
    if (row === undefined) return undefined;
    const topic: Topic = {
      id: Number(row['id']),
      cleanup: row['cleanup'] === 'compact' ? 'compact' : 'delete',
    };
    this.#topics.set(name, topic);
    return topic;
  }

  #transaction<T>(work: () => T): T {
    try {
      return inTransaction(this.#database, work);
    } catch (error) {
      this.#topics.clear();
      throw error;
    }
  }
}

function commitFailureOf(error: unknown): CommitFailure {
  const { kind, detail } = describeSqliteFailure(error);
  if (kind === 'full') return { cause: 'storage-full', detail };
  return { cause: kind === 'busy' ? 'busy' : 'other', detail };
}
