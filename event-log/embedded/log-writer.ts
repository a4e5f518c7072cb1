import type { DatabaseSync } from 'node:sqlite';
import type { TopicSettings } from '#event-log/event-log.ts';
import type { SeenTimeState } from '#runtime/seen-time.ts';
import type { RescuableDatabase } from '#sqlite/displacement-watch.ts';
import { rescueCopy } from '#sqlite/rescued-file.ts';
import { isDamage } from '#sqlite/set-aside.ts';
import { describeSqliteFailure } from '#sqlite/sqlite-failure.ts';
import { inTransaction } from '#sqlite/transaction.ts';
import { emptyWriteAheadLog, WriteAheadLog } from '#sqlite/write-ahead-log.ts';
import { LOG_FILE_SETTINGS } from './log-file.ts';
import { LogRoom } from './log-room.ts';
import type {
  CommitFailure,
  CommitRequest,
  CommitResult,
  EnsuredTopic,
  GroupRequest,
  OffsetCommit,
  RemovalRequest,
  RemovalResult,
  SegmentResult,
  WriterCalls,
} from './log-thread-calls.ts';
import { RecordRemoval } from './record-removal.ts';
import { type PreparedSegment, SegmentStore } from './segment-store.ts';

/** What a probe leaves behind. Bytes. */
const PROBE_REST_BYTES = 64 * 1024;

/**
 * All writing to the file, in the writer thread. Offsets are given inside the transaction that stores the records, so
 * that another process may append beside this one: SQLite lets one writer in at a time.
 *
 * Either all records of a transaction are stored or none, with these exceptions: those of a topic that does not exist,
 * those that do not fit into the share of their topic, and, when the file is full, all but those of compacted topics,
 * which say what was cleared away. Whoever calls appends the refused ones again before newer ones of the same lane,
 * which keeps their order.
 */
export class LogWriter implements Omit<WriterCalls, 'mend'>, RescuableDatabase {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #removal: RecordRemoval;
  readonly #wal: WriteAheadLog;
  readonly #store: SegmentStore;
  readonly #room: LogRoom;
  readonly #ends: Map<string, number>;
  readonly #sql;

  /** @param options.ends where topics end as far as this thread knows: a file made anew may know less. */
  constructor(
    database: DatabaseSync,
    options: { readonly file: string; readonly ends?: Map<string, number> },
  ) {
    this.#database = database;
    this.#ends = options.ends ?? new Map();
    this.#file = options.file;
    this.#removal = new RecordRemoval(database);
    this.#wal = new WriteAheadLog(database, LOG_FILE_SETTINGS.walKeptBytes);
    this.#store = new SegmentStore(database, options.file);
    this.#room = new LogRoom({
      file: options.file,
      removal: this.#removal,
      wal: this.#wal,
      store: this.#store,
    });
    this.#sql = {
      keepTime: database.prepare('UPDATE log_state SET seen_ms = ?, seen_time = ?'),
      commitOffset: database.prepare(
        `INSERT INTO consumer_groups (topic_id, name, committed_offset, seen_at)
         SELECT id, ?2, ?3, 0 FROM topics WHERE name = ?1
         ON CONFLICT (topic_id, name) DO UPDATE SET committed_offset = excluded.committed_offset`,
      ),
      joinGroup: database.prepare(
        `INSERT INTO consumer_groups (topic_id, name, seen_at)
         SELECT id, ?2, (SELECT seen_ms FROM log_state) FROM topics WHERE name = ?1
         ON CONFLICT (topic_id, name) DO UPDATE SET seen_at = excluded.seen_at`,
      ),
      endAt: database.prepare('UPDATE topics SET next_offset = ?2 WHERE name = ?1 AND next_offset < ?2'),
      // Never the bytes that stand there: SQLite writes no page that stays as it is, and would find room on a full disk.
      probe: database.prepare('UPDATE write_probe SET filling = randomblob(?)'),
    };
    this.#keepEnds();
  }

  commit(request: CommitRequest): CommitResult {
    try {
      this.#wal.cutExcess();
      const result = this.#transaction(() => this.#commit(request));
      for (const [index, { topic, records }] of request.segments.entries()) {
        const stored = result.segments[index];
        if (stored?.kind === 'durable') this.#ends.set(topic, stored.baseOffset + records);
      }
      const failure = result.failure ?? this.#probe(request.probeBytes);
      return { ...result, failure };
    } catch (error) {
      // Nothing of it was written, and it is done again on the file made anew.
      if (isDamage(error)) throw error;
      return this.refuseAll(request, this.#failureOf(error));
    }
  }

  ensureTopics(topics: readonly TopicSettings[]): readonly EnsuredTopic[] {
    return this.#transaction(() => {
      const ensured = topics.map((topic) => this.#store.ensureTopic(topic));
      this.#keepEnds();
      return ensured;
    });
  }

  joinGroup({ topic, group }: GroupRequest): void {
    const { changes } = this.#transaction(() => this.#sql.joinGroup.run(topic, group));
    if (changes === 0) throw new Error(`the topic ${topic} does not exist`);
  }

  removeOld(request: RemovalRequest): RemovalResult {
    const result = this.#transaction(() => this.#removal.removeOld(request));
    // Vacuuming cannot share the transaction.
    const gaveBack = !result.more && this.#removal.giveBackSpace();
    return { ...result, more: result.more || gaveBack };
  }

  keepTime(state: SeenTimeState): void {
    this.#sql.keepTime.run(state.seenMs, JSON.stringify(state));
  }

  rescue(): string {
    return rescueCopy(this.#file, this.#database);
  }

  emptyWriteAheadLog(): void {
    emptyWriteAheadLog(this.#database);
  }

  /** No offset that was given is given again. */
  #keepEnds(): void {
    for (const [topic, end] of this.#ends) this.#sql.endAt.run(topic, end);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #commit({ segments, offsets, seenMs }: CommitRequest): CommitResult {
    const prepared = segments.map((segment) => this.#store.prepare(segment));
    const fullFailure = this.#room.dataFailure(prepared);
    const results = prepared.map((it): SegmentResult => {
      const failure = this.#refusal(it, fullFailure);
      return failure === undefined
        ? { kind: 'durable', baseOffset: this.#store.store(it, seenMs) }
        : { kind: 'refused', failure, payload: it.segment.payload };
    });
    this.#commitOffsets(offsets);
    return {
      segments: results,
      offsetsFailure: undefined,
      failure: fullFailure,
      usedBytes: this.#removal.usedBytes(),
    };
  }

  #refusal(it: PreparedSegment, fullFailure: CommitFailure | undefined): CommitFailure | undefined {
    const { topic, segment } = it;
    if (topic === undefined) {
      return { cause: 'unknown-topic', detail: `the topic ${segment.topic} does not exist` };
    }
    if (topic.cleanup === 'compact') return this.#room.controlFailure(it);
    return fullFailure ?? this.#room.shareFailure(it);
  }

  /**
   * No records, but the offsets: their few bytes fit when records do not any more, and without them nothing could ever be
   * removed; and where records would be lost, what was taken before still goes to its consumers.
   */
  refuseAll({ segments, offsets }: CommitRequest, failure: CommitFailure): CommitResult {
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

  /** Writes as much as what failed, and takes it back: that something small fits shows nothing. */
  #probe(bytes: number): CommitFailure | undefined {
    if (bytes === 0) return undefined;
    const failure = this.#room.spaceFailure('data', bytes);
    if (failure !== undefined) return failure;
    try {
      this.#transaction(() => this.#sql.probe.run(Math.max(bytes, PROBE_REST_BYTES)));
      this.#transaction(() => this.#sql.probe.run(PROBE_REST_BYTES));
      return undefined;
    } catch (error) {
      return this.#failureOf(error);
    }
  }

  #failureOf(error: unknown): CommitFailure {
    const failure = commitFailureOf(error);
    return { ...failure, detail: `${this.#file} (${this.#removal.usedBytes()} bytes): ${failure.detail}` };
  }

  #commitOffsets(offsets: readonly OffsetCommit[]): void {
    for (const { topic, group, offset } of offsets) this.#sql.commitOffset.run(topic, group, offset);
  }

  #transaction<T>(work: () => T): T {
    try {
      return inTransaction(this.#database, work);
    } catch (error) {
      this.#store.forget();
      throw error;
    }
  }
}

function commitFailureOf(error: unknown): CommitFailure {
  const { kind, detail } = describeSqliteFailure(error);
  if (kind === 'full') return { cause: 'storage-full', detail };
  if (kind === 'damaged') return { cause: 'damaged', detail };
  return { cause: kind === 'busy' ? 'busy' : 'other', detail };
}
