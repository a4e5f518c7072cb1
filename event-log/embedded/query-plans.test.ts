import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';

/** Every statement that is prepared on `database` from now on. */
function prepared(database: DatabaseSync): ReadonlySet<string> {
  const statements = new Set<string>();
  const prepare = database.prepare.bind(database);
  database.prepare = (sql) => {
    statements.add(sql);
    return prepare(sql);
  };
  return statements;
}

/** What SQLite would do for a statement, a line for each table. */
function planOf(database: DatabaseSync, sql: string): string[] {
  return database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...Array.from({ length: sql.match(/\?(?!\d)/g)?.length ?? 0 }, () => 1))
    .map(({ detail }) => String(detail));
}

// While one of them goes through all records of a topic, nobody appends.
test('[P6] what is looked up by key is found by key, and nothing goes through all records', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  prepareFolder(dataDir, true);
  prepareLogFile(dataDir, { maxBytes: 1_000_000_000, nowMs: 10_000 });
  const { file } = logPaths(dataDir);
  for (const [access, use] of [
    ['write', (database: DatabaseSync) => new LogWriter(database, { file })],
    ['read', (database: DatabaseSync) => new LogReader(database)],
  ] as const) {
    const database = openLogFile(file, access);
    const statements = prepared(database);
    using _user = use(database);
    expect(statements.size).toBeGreaterThan(5);
    for (const sql of [...statements]) {
      if (sql.startsWith('PRAGMA')) continue;
      for (const step of planOf(database, sql)) {
        expect.soft(step, sql).not.toMatch(/SCAN record_batches/);
        const byKey = /\bkey = /.test(sql) && step.includes('record_batches ');
        if (byKey) expect.soft(step, sql).toContain('record_batches_by_key');
      }
    }
  }
});
