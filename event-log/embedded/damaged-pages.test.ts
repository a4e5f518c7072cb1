import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import { describeSqliteFailure } from '#sqlite/sqlite-failure.ts';
import { ChunkCursor, offsetAfter } from './chunk-cursor.ts';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { RecordBatchBuilder } from './record-batch.ts';

/*
 * Aim: whatever page of the log file is lost, the records on all others are read, and those that are not are told.
 * Method: a log with rows of one record and rows of many; each page of a copy is overwritten in turn, and the topic is
 * read from its beginning to its end, as a consumer does.
 */
const PAGE_BYTES = 4096;
const ROWS = 60;

let folder: string;
let records = 0;
/** One page each of the tables and indexes that reading goes through: without them a person has to act (the runbook). */
const roots = new Set([1]);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'damaged-pages-'));
  prepareFolder(folder, true);
  prepareLogFile(folder, { maxBytes: 1e9, nowMs: 0 });
  const database = openLogFile(logPaths(folder).file, 'write');
  const writer = new LogWriter(database, { file: logPaths(folder).file });
  writer.ensureTopics([{ name: 'readings', cleanup: 'delete', retentionMs: 1e9 }]);
  for (let row = 0; row < ROWS; row++) {
    const batch = new RecordBatchBuilder();
    const inRow = row % 5 === 0 ? 40 : 1;
    for (let i = 0; i < inRow; i++) {
      const value = Buffer.from(JSON.stringify({ n: records + i, padding: 'x'.repeat(300) }));
      batch.add({ topic: 'readings', key: 'dev-1', value, headers: { n: String(records + i) } });
    }
    const segments = [
      { topic: 'readings', records: inRow, timestamp: 1_000 + row, payload: batch.build(), owed: false },
    ];
    writer.commit({ segments, offsets: [], seenMs: null, probeBytes: 0 });
    records += inRow;
  }
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  for (const { rootpage } of database
    .prepare("SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('topics', 'record_batches')")
    .all())
    roots.add(Number(rootpage));
  database.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the log whose page `page` is overwritten. */
function damagedCopy(page: number, bytes: Uint8Array): string {
  const file = join(folder, 'copy.sqlite');
  copyFileSync(logPaths(folder).file, file);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
  closeSync(descriptor);
  return file;
}

function readWith(page: number, bytes: Uint8Array): LogRecord[] {
  const file = damagedCopy(page, bytes);
  const database = openLogFile(file, 'write');
  try {
    return readAll(database, file);
  } finally {
    database.close();
  }
}

function readAll(database: DatabaseSync, file: string): LogRecord[] {
  const reader = new LogReader(database);
  const found: LogRecord[] = [];
  const fetch = (fromOffset: number) => reader.fetch({ topic: 'readings', fromOffset, maxBytes: 20_000 });
  for (let position = 0, looks = 0, repaired = false; ; looks++) {
    if (looks > 1_000) throw new Error(`does not end, at ${position}`);
    let chunk: ReturnType<typeof fetch>;
    try {
      chunk = fetch(position);
    } catch (error) {
      // As the log does when an index is damaged.
      if (describeSqliteFailure(error).kind !== 'damaged' || repaired) throw error;
      new LogWriter(database, { file }).repair();
      repaired = true;
      continue;
    }
    if (chunk.batches.length === 0) return found;
    const cursor = new ChunkCursor('readings', chunk, position, file);
    for (let next = cursor.next(7, 1e9); next.length > 0; next = cursor.next(7, 1e9)) found.push(...next);
    position = chunk.nextOffset;
  }
}

test('[P2] a page of committed offsets: the groups begin anew, and commit again', () => {
  const database = openLogFile(logPaths(folder).file, 'write');
  const page = Number(
    database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'consumer_groups'").get()?.['rootpage'],
  );
  database.close();
  const file = damagedCopy(page, Buffer.alloc(PAGE_BYTES));
  const copy = openLogFile(file, 'write');
  const progress = () => new LogReader(copy).progress({ topic: 'readings', group: 'g' });
  expect(progress).toThrow('malformed');
  const writer = new LogWriter(copy, { file });
  writer.repair();
  expect(progress()).toMatchObject({ committedOffset: -1, oldestOffset: 0 });
  const offsets = [{ topic: 'readings', group: 'g', offset: 7 }];
  expect(
    writer.commit({ segments: [], offsets, seenMs: null, probeBytes: 0 }).offsetsFailure,
  ).toBeUndefined();
  expect(progress()).toMatchObject({ committedOffset: 7 });
  copy.close();
});

describe.each([
  ['zeros', () => Buffer.alloc(PAGE_BYTES)],
  [
    'garbage',
    (page: number) =>
      Buffer.from(Array.from({ length: PAGE_BYTES }, (_, i) => (i * 31 + page * 17) ^ (i >> 3))),
  ],
])('a page of the log file full of %s', (_, bytes) => {
  test('[P2] all other records are read, in order, and the lost ones are told', () => {
    const pages = statSync(logPaths(folder).file).size / PAGE_BYTES;
    const failures: string[] = [];
    for (let page = 1; page <= pages; page++) {
      if (roots.has(page)) continue;
      try {
        const found = readWith(page, bytes(page));
        let next = 0;
        let lost = 0;
        for (const record of found) {
          if (record.offset !== next) throw new Error(`${record.offset} instead of ${next}`);
          next = offsetAfter(record);
          if (record.damage !== undefined) lost += record.damagedRecords ?? 1;
          else if (record.headers['n'] !== String(record.offset))
            throw new Error(`wrong record at ${record.offset}`);
        }
        if (next !== records) throw new Error(`ended at ${next} of ${records}, lost ${lost}`);
        if (lost > 45) throw new Error(`lost ${lost}`);
      } catch (error) {
        failures.push(`page ${page}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
  });
});
