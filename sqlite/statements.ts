import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Optional fields make many shapes of points, and each shape has its own statement. */
const STATEMENTS_KEPT = 256;

/** Prepared statements by their SQL, so that each is compiled once; of too many, those used longest ago are dropped. */
export class Statements {
  readonly #database: DatabaseSync;
  /** In the order of their last use. */
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(sql: string): StatementSync {
    const statement = this.#prepared.get(sql) ?? this.#database.prepare(sql);
    this.#prepared.delete(sql);
    this.#prepared.set(sql, statement);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size > STATEMENTS_KEPT && oldest !== undefined) this.#prepared.delete(oldest);
    return statement;
  }
}
