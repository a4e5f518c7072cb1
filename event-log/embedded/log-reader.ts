import type { DatabaseSync } from 'node:sqlite';
import { backlogStart } from '#event-log/backlog-start.ts';
import type { PartitionProgress, ShareProgress } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { count } from '#sqlite/open-database.ts';
import { inSnapshot } from '#sqlite/transaction.ts';
import { walBytes } from '#sqlite/write-ahead-log.ts';
import type { StoredBatch } from './chunk-cursor.ts';
import type {
  FetchRequest,
  FetchResult,
  LogMeasurement,
  ReaderCalls,
  RemovalRequest,
  ShareUse,
} from './log-thread-calls.ts';
import { crowdedAboveBytes, shareLimit, shareUsed } from './share-limit.ts';
import { StoredRows } from './stored-rows.ts';
import { FIND_UNINDEXED, lostByIndex } from './unindexed-topic.ts';

/** Rows of one chunk at most: while little is appended, a row may hold a single record. */
const ROWS_PER_CHUNK = 2_000;

interface Topic {
  readonly id: number;
  readonly oldestOffset: number;
  readonly endOffset: number;
}

/**
 * All reading from the file, in the reader thread. Each call is one short read transaction: it sees one state of the
 * log, and no transaction stays open that would keep the write-ahead log from being reused.
 */
export class LogReader implements Omit<ReaderCalls, 'reopen'>, Disposable {
  readonly #database: DatabaseSync;
  readonly #rows: StoredRows;
  readonly #sql;
  #dataVersion = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#rows = new StoredRows(database, ROWS_PER_CHUNK);
    this.#sql = {
      topic: database.prepare(
        `SELECT id, next_offset,
           coalesce((SELECT min(base_offset) FROM record_batches WHERE topic_id = topics.id), next_offset) AS oldest_offset
         FROM topics WHERE name = ?`,
      ),
      findUnindexed: database.prepare(FIND_UNINDEXED),
      committed: database.prepare(
        'SELECT committed_offset FROM consumer_groups WHERE topic_id = ? AND name = ?',
      ),
      topics: database.prepare(
        `SELECT id, name, cleanup, retention_ms, next_offset,
           (SELECT min(base_offset) FROM record_batches WHERE topic_id = topics.id) AS oldest_offset
         FROM topics`,
      ),
      crowdedKeys: database.prepare('SELECT key FROM key_shares WHERE topic_id = ? AND bytes > ?'),
      share: database.prepare(
        `SELECT topics.share_bytes, share_of_log, share_per_key, max_bytes, fullest.key, fullest.bytes AS key_bytes
         FROM topics JOIN log_state LEFT JOIN key_shares AS fullest ON fullest.topic_id = topics.id
         WHERE topics.id = ? AND share_of_log IS NOT NULL ORDER BY fullest.bytes DESC LIMIT 1`,
      ),
      maxBytes: database.prepare('SELECT max_bytes FROM log_state'),
      slowestGroup: database.prepare(
        `SELECT name, committed_offset FROM consumer_groups WHERE topic_id = ? AND seen_at >= ?
         ORDER BY committed_offset LIMIT 1`,
      ),
    };
  }

  fetch({ topic: name, fromOffset, maxBytes }: FetchRequest): FetchResult {
    return inSnapshot(this.#database, () => {
      const topic = this.#topic(name);
      const { oldestOffset, endOffset } = topic;
      const batches: StoredBatch[] = [];
      const payloads: Uint8Array[] = [];
      let bytes = 0;
      for (const { payload, ...row } of this.#rows.from(topic.id, fromOffset, endOffset)) {
        batches.push({ ...row, byteLength: payload.length });
        payloads.push(payload);
        bytes += payload.length;
        if (bytes >= maxBytes) break;
      }
      const last = batches.at(-1);
      const complete = bytes < maxBytes && batches.length < ROWS_PER_CHUNK;
      const nextOffset = last === undefined || complete ? endOffset : last.baseOffset + last.records;
      return { batches, payload: concatenate(payloads, bytes), nextOffset, oldestOffset, endOffset };
    });
  }

  progress({ topic: name, group }: { readonly topic: string; readonly group: string }): PartitionProgress {
    return inSnapshot(this.#database, () => {
      const { id, oldestOffset, endOffset } = this.#topic(name);
      const committedOffset = Number(this.#sql.committed.get(id, group)?.['committed_offset'] ?? -1);
      const next = backlogStart({ oldestOffset, committedOffset, endOffset });
      // What nobody can read is no backlog: nobody could work it off.
      const backlogEnd = this.#rows.endOf(id, endOffset);
      // Of a backlog that cannot be read, its age is not known: as old as can be.
      const backlogSince = next < backlogEnd ? (this.#rows.timesAt(id, next)?.timestamp ?? 0) : null;
      const share = this.#share(id);
      return {
        partition: 0,
        oldestOffset,
        endOffset,
        committedOffset,
        backlog: Math.max(0, backlogEnd - next),
        backlogSince,
        ...(share !== null && { share: this.#shareProgress(id, share) }),
      };
    });
  }

  offsetAt({ topic: name, timeMs }: Parameters<ReaderCalls['offsetAt']>[0]): number {
    return inSnapshot(this.#database, () => {
      const { id, endOffset } = this.#topic(name);
      return this.#rows.offsetAt(id, timeMs) ?? endOffset;
    });
  }

  measure({ groupsSince }: Pick<RemovalRequest, 'groupsSince'>): LogMeasurement {
    return inSnapshot(this.#database, () => ({
      usedBytes:
        (count(this.#database, 'page_count') - count(this.#database, 'freelist_count')) *
        count(this.#database, 'page_size'),
      walBytes: walBytes(this.#database.location() ?? ''),
      maxBytes: Number(this.#sql.maxBytes.get()?.['max_bytes']),
      topics: this.#sql.topics.all().map((row) => {
        const end = this.#rows.endOf(Number(row['id']), Number(row['next_offset']));
        const oldest = Number(row['oldest_offset'] ?? end);
        const slowest = this.#sql.slowestGroup.get(Number(row['id']), groupsSince);
        return {
          topic: String(row['name']),
          cleanup: row['cleanup'] === 'compact' ? ('compact' as const) : ('delete' as const),
          retentionMs: Number(row['retention_ms']),
          oldestSeenMs: this.#rows.timesAt(Number(row['id']), oldest)?.seenMs ?? null,
          records: end - oldest,
          heldRecords: Math.max(0, end - Math.max(oldest, Number(slowest?.['committed_offset'] ?? -1))),
          slowestGroup: slowest === undefined ? null : String(slowest['name']),
          share: this.#share(Number(row['id'])),
        };
      }),
    }));
  }

  /** Whether any connection, of any process, has changed the file since this was last asked. */
  hasChanged(): boolean {
    const version = count(this.#database, 'data_version');
    const changed = version !== this.#dataVersion;
    this.#dataVersion = version;
    return changed;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #share(topicId: number): ShareUse | null {
    const row = this.#sql.share.get(topicId);
    if (row === undefined) return null;
    const share = { ofLog: Number(row['share_of_log']), perKey: Number(row['share_per_key']) };
    return {
      ...shareLimit(share, Number(row['max_bytes'])),
      bytes: Number(row['share_bytes']),
      fullestKey: keyText(row['key']),
      fullestKeyBytes: Number(row['key_bytes'] ?? 0),
    };
  }

  #shareProgress(topicId: number, share: ShareUse): ShareProgress {
    const keys = this.#sql.crowdedKeys.all(topicId, crowdedAboveBytes(share.maxKeyBytes));
    return {
      used: shareUsed(share),
      isCrowded: share.bytes > crowdedAboveBytes(share.maxBytes),
      crowdedKeys: new Set(keys.map(({ key }) => keyText(key) ?? '')),
    };
  }

  #topic(name: string): Topic {
    const row = this.#sql.topic.get(name);
    if (row === undefined) {
      if (this.#sql.findUnindexed.get(name) !== undefined) throw lostByIndex(name);
      throw new PipelineError('event-log-unavailable', `the topic ${name} does not exist`, {
        retryable: true,
      });
    }
    return {
      id: Number(row['id']),
      oldestOffset: Number(row['oldest_offset']),
      endOffset: Number(row['next_offset']),
    };
  }
}

function keyText(key: unknown): string | null {
  return key instanceof Uint8Array ? Buffer.from(key).toString() : null;
}

/** One piece of memory is cheaper to transfer than many. */
function concatenate(payloads: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(new ArrayBuffer(bytes));
  let at = 0;
  for (const payload of payloads) {
    whole.set(payload, at);
    at += payload.length;
  }
  return whole;
}
