import type { DatabaseSync } from 'node:sqlite';
import { letterId } from '#contract/dead-letter.ts';
import { decodeLetterState, isPending } from '#contract/letter-state.ts';
import { ChunkCursor } from './chunk-cursor.ts';
import { crowdedAboveBytes, shareLimit } from './share-limit.ts';

/** Rows that one step looks at: each may need hundreds of look-ups. */
const ROWS_PER_STEP = 16;

/**
 * The newest state of a letter. The `+` keeps SQLite from going through the states of all letters by their offsets, which
 * it takes for a way around sorting: with ten thousand of them, one step held the log for many seconds.
 */
const NEWEST_STATE =
  'SELECT timestamp, payload FROM record_batches WHERE topic_id = ? AND key = ? ORDER BY +base_offset DESC LIMIT 1';

interface SharedTopic {
  readonly id: number;
  readonly name: string;
  readonly stateTopicId: number;
  readonly stateEnd: number;
  /** The whole topic is to make room; else the keys that are crowded. */
  readonly whole: boolean;
  readonly crowdedKeys: ReadonlySet<string>;
}

/** A walk through a topic, oldest row first. */
interface Walk {
  after: number;
  /** End of the state topic when the walk began: what was settled later needs another one. */
  readonly stateEnd: number;
}

/**
 * Removes letters that somebody dealt with before their time, oldest first, when their share (or what one key may have
 * of it) fills up, or the whole log does. A row goes when each of its records is settled, and their states with it.
 *
 * Walks on from step to step, and after its end waits until something else was settled: a share that is full of letters
 * that nobody deals with costs nothing. Must run inside a transaction.
 */
export class SettledRemoval {
  readonly #walks = new Map<number, Walk>();
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#sql = {
      topics: database.prepare(
        `SELECT shared.id, shared.name, shared.share_bytes, shared.share_of_log, shared.share_per_key,
           state.id AS state_id, state.next_offset AS state_end
         FROM topics AS shared JOIN topics AS state ON state.name = shared.settled_in
         WHERE shared.share_of_log IS NOT NULL`,
      ),
      crowdedKeys: database.prepare('SELECT key FROM key_shares WHERE topic_id = ? AND bytes > ?'),
      rows: database.prepare(
        `SELECT base_offset, records, key FROM record_batches WHERE topic_id = ? AND base_offset > ?
         ORDER BY base_offset LIMIT ${ROWS_PER_STEP}`,
      ),
      state: database.prepare(NEWEST_STATE),
      remove: database.prepare('DELETE FROM record_batches WHERE topic_id = ? AND base_offset = ?'),
      removeState: database.prepare('DELETE FROM record_batches WHERE topic_id = ? AND key = ?'),
    };
  }

  /** @param crowded the whole log is: every share makes room. @returns by topic; `more`: the walk is not at its end. */
  step(
    maxBytes: number,
    crowded: boolean,
  ): readonly { readonly topic: string; readonly removedRecords: number; readonly more: boolean }[] {
    return this.#sharedTopics(maxBytes, crowded).map((topic) => {
      const walk = this.#walkOf(topic);
      return walk === undefined
        ? { topic: topic.name, removedRecords: 0, more: false }
        : { topic: topic.name, ...this.#advance(topic, walk) };
    });
  }

  #sharedTopics(maxBytes: number, crowded: boolean): SharedTopic[] {
    return this.#sql.topics.all().map((row) => {
      const share = { ofLog: Number(row['share_of_log']), perKey: Number(row['share_per_key']) };
      const limit = shareLimit(share, maxBytes);
      const id = Number(row['id']);
      const keys = this.#sql.crowdedKeys.all(id, crowdedAboveBytes(limit.maxKeyBytes));
      return {
        id,
        name: String(row['name']),
        stateTopicId: Number(row['state_id']),
        stateEnd: Number(row['state_end']),
        whole: crowded || Number(row['share_bytes']) > crowdedAboveBytes(limit.maxBytes),
        crowdedKeys: new Set(keys.map((key) => text(key['key']))),
      };
    });
  }

  #walkOf(topic: SharedTopic): Walk | undefined {
    if (!topic.whole && topic.crowdedKeys.size === 0) {
      this.#walks.delete(topic.id);
      return undefined;
    }
    const walk = this.#walks.get(topic.id);
    if (walk !== undefined && (walk.after < Infinity || walk.stateEnd === topic.stateEnd)) {
      return walk.after < Infinity ? walk : undefined;
    }
    const begun = { after: -1, stateEnd: topic.stateEnd };
    this.#walks.set(topic.id, begun);
    return begun;
  }

  #advance(topic: SharedTopic, walk: Walk): { readonly removedRecords: number; readonly more: boolean } {
    const rows = this.#sql.rows.all(topic.id, walk.after);
    let removedRecords = 0;
    for (const row of rows) {
      const base = Number(row['base_offset']);
      const records = Number(row['records']);
      walk.after = base;
      if (!topic.whole && !topic.crowdedKeys.has(text(row['key']))) continue;
      if (!this.#isSettled(topic.stateTopicId, base, records)) continue;
      this.#sql.remove.run(topic.id, base);
      for (let offset = base; offset < base + records; offset++) {
        this.#sql.removeState.run(topic.stateTopicId, stateKey(offset));
      }
      removedRecords += records;
    }
    const more = rows.length === ROWS_PER_STEP;
    if (!more) walk.after = Infinity;
    return { removedRecords, more };
  }

  #isSettled(stateTopicId: number, base: number, records: number): boolean {
    for (let offset = base; offset < base + records; offset++) {
      const row = this.#sql.state.get(stateTopicId, stateKey(offset));
      if (row === undefined) return false;
      const payload = row['payload'] as Uint8Array<ArrayBuffer>;
      const batch = { baseOffset: 0, records: 1, timestamp: 0, byteLength: payload.length };
      const [record] = new ChunkCursor('', { batches: [batch], payload }, 0, '').next(1, Infinity);
      if (record === undefined || isPending(decodeLetterState(record)?.state)) return false;
    }
    return true;
  }
}

function stateKey(offset: number): Uint8Array {
  return Buffer.from(letterId({ partition: 0, offset }));
}

function text(key: unknown): string {
  return key instanceof Uint8Array ? Buffer.from(key).toString('latin1') : '';
}
