import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { TopicSettings } from '#event-log/event-log.ts';
import { isDamage } from '#sqlite/set-aside.ts';
import { ChunkCursor, offsetAfter } from './chunk-cursor.ts';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { RecordPacker } from './packed-records.ts';
import { rebuildLog } from './rebuild-log.ts';

/*
 * Aim: whatever page of the log file is lost, the records on all others are read, and those that are not are told.
 * Method: a log with rows of one record and rows of many; each page of a copy is overwritten in turn, and the topic is
 * read from its beginning to its end, as a consumer does.
 */
const PAGE_BYTES = 4096;
const ROWS = 30;
/** Rows are at most 40 records long, or stand with a dozen small ones on one page. */
const MOST_ON_ONE_PAGE = 45;
const COMMITTED = 7;
const TOPIC: TopicSettings = { name: 'readings', cleanup: 'delete', retentionMs: 1e9 };

let folder: string;
let records = 0;
let groupsPage = 0;
let topicNamesPage = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'damaged-pages-'));
  prepareFolder(folder, true);
  prepareLogFile(folder, { maxBytes: 1e9, nowMs: 0 });
  const database = openLogFile(logPaths(folder).file, 'write');
  const writer = new LogWriter(database, { file: logPaths(folder).file });
  writer.ensureTopics([TOPIC]);
  for (let row = 0; row < ROWS; row++) {
    const { payload, inRow } = batchOf(row % 5 === 0 ? 40 : 1);
    const segments = [{ topic: 'readings', records: inRow, timestamp: 1_000 + row, payload, owed: false }];
    writer.commit({ segments, offsets: [], seenMs: null, probeBytes: 0 });
    records += inRow;
  }
  const offsets = [{ topic: 'readings', group: 'g', offset: COMMITTED }];
  writer.commit({ segments: [], offsets, seenMs: null, probeBytes: 0 });
  const rootOf = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?');
  groupsPage = Number(rootOf.get('consumer_groups')?.['rootpage']);
  topicNamesPage = Number(rootOf.get('sqlite_autoindex_topics_1')?.['rootpage']);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

function batchOf(inRow: number): { payload: Uint8Array<ArrayBuffer>; inRow: number } {
  const batch = new RecordPacker();
  for (let i = 0; i < inRow; i++) {
    const value = Buffer.from(JSON.stringify({ n: records + i, padding: 'x'.repeat(300) }));
    batch.add({ topic: 'readings', key: 'dev-1', value, headers: { n: String(records + i) } });
  }
  return { payload: batch.build(), inRow };
}

function pages(): number {
  return statSync(logPaths(folder).file).size / PAGE_BYTES;
}

/** A copy of the log whose page `page` is overwritten. */
function damagedCopy(page: number, bytes: Uint8Array): string {
  const file = join(folder, 'copy.sqlite');
  for (const ending of ['-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });
  copyFileSync(logPaths(folder).file, file);
  overwrite(file, (page - 1) * PAGE_BYTES, bytes);
  return file;
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

/** Reads as the log does: what is damaged otherwise than in a record is made anew, once. */
function readWith(
  page: number,
  bytes: Uint8Array,
): { found: LogRecord[]; appendedAt: number; rebuilt: boolean } {
  const file = damagedCopy(page, bytes);
  try {
    return { ...readAll(file), rebuilt: false };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { ...readAll(rebuilt(file)), rebuilt: true };
  }
}

function rebuilt(file: string): string {
  const to = join(folder, 'rebuilt.sqlite');
  for (const ending of ['', '-wal', '-shm']) rmSync(`${to}${ending}`, { force: true });
  rebuildLog(file, to, 1e9);
  return to;
}

function readAll(file: string): { found: LogRecord[]; appendedAt: number } {
  using writer = new LogWriter(openLogFile(file, 'write'), { file });
  using reader = new LogReader(openLogFile(file, 'read'));
  writer.ensureTopics([TOPIC]);
  const found: LogRecord[] = [];
  for (let position = 0, looks = 0; ; looks++) {
    if (looks > 1_000) throw new Error(`does not end, at ${position}`);
    const chunk = reader.fetch({ topic: 'readings', fromOffset: position, maxBytes: 20_000 });
    if (chunk.batches.length === 0) return { found, appendedAt: append(writer) };
    const cursor = new ChunkCursor('readings', chunk, position, file);
    for (let next = cursor.next(7, 1e9); next.length > 0; next = cursor.next(7, 1e9)) found.push(...next);
    position = chunk.nextOffset;
  }
}

function append(writer: LogWriter): number {
  const { payload, inRow } = batchOf(1);
  const segment = { topic: 'readings', records: inRow, timestamp: 1, payload, owed: false };
  const [stored] = writer.commit({ segments: [segment], offsets: [], seenMs: null, probeBytes: 0 }).segments;
  if (stored?.kind !== 'durable') throw new Error(`nothing can be appended: ${stored?.failure.detail}`);
  return stored.baseOffset;
}

/** All records in order and whole, or told as lost. @returns how many were. */
function verify(found: readonly LogRecord[]): number {
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
  return lost;
}

const GARBAGE = (page: number): Buffer =>
  Buffer.from(Array.from({ length: PAGE_BYTES }, (_, i) => (i * 31 + page * 17) ^ (i >> 3)));

describe.each([
  ['zeros', () => Buffer.alloc(PAGE_BYTES)],
  ['garbage', GARBAGE],
])('any page of the log file full of %s', (_, bytes) => {
  test('[P2] all other records are read, in order, the lost ones are told, and later ones get later offsets', () => {
    const failures: string[] = [];
    let rebuilds = 0;
    for (let page = 1; page <= pages(); page++) {
      try {
        const { found, appendedAt, rebuilt } = readWith(page, bytes(page));
        const lost = verify(found);
        if (lost > MOST_ON_ONE_PAGE) throw new Error(`lost ${lost}`);
        if (appendedAt < records) throw new Error(`offset ${appendedAt} was given before`);
        if (rebuilt) rebuilds++;
      } catch (error) {
        failures.push(`page ${page}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(rebuilds).toBeGreaterThan(0);
  });

  test('[P2] a log made anew holds all of that as well, and where its groups were', () => {
    const failures: string[] = [];
    for (let page = 1; page <= pages(); page++) {
      try {
        const file = rebuilt(damagedCopy(page, bytes(page)));
        const { found } = readAll(file);
        const lost = verify(found);
        if (lost > MOST_ON_ONE_PAGE) throw new Error(`lost ${lost}`);
        using reader = new LogReader(openLogFile(file, 'read'));
        const { committedOffset } = reader.progress({ topic: 'readings', group: 'g' });
        // One page holds all of them: without it groups begin anew.
        if (committedOffset !== COMMITTED && page !== groupsPage)
          throw new Error(`committed offset is ${committedOffset}`);
      } catch (error) {
        failures.push(`page ${page}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
  });
});

test('[P2] the first 32 KiB, names of topics and all: the records are found by what they are', () => {
  const file = damagedCopy(1, Buffer.alloc(PAGE_BYTES));
  overwrite(file, 0, Buffer.alloc(8 * PAGE_BYTES));
  const { found, appendedAt } = readAll(rebuilt(file));
  expect(verify(found)).toBeLessThan(MOST_ON_ONE_PAGE);
  expect(appendedAt).toBeGreaterThan(records + 1_000);
});

test('[P2] a file that was cut: what stands in front is there, and offsets go on behind the rest', () => {
  const file = damagedCopy(1, readFileSync(logPaths(folder).file).subarray(0, PAGE_BYTES));
  truncateSync(file, Math.floor(pages() * 0.8) * PAGE_BYTES + 100);
  expect(() => readAll(file)).toThrow();
  const { found, appendedAt } = readAll(rebuilt(file));
  const lost = verify(found);
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(records);
  expect(appendedAt).toBeGreaterThanOrEqual(records);
});

test('[P2] an index that has lost the topic: its records are not hidden by a new one of that name', () => {
  const emptyLeaf = Buffer.alloc(PAGE_BYTES);
  emptyLeaf[0] = 10;
  emptyLeaf.writeUInt16BE(PAGE_BYTES, 5);
  const { found, appendedAt, rebuilt } = readWith(topicNamesPage, emptyLeaf);
  expect(verify(found)).toBe(0);
  expect([appendedAt, rebuilt]).toEqual([records, true]);
});

test('[P2] nothing can be read at all: a log that can be written', () => {
  const file = join(folder, 'copy.sqlite');
  writeFileSync(file, GARBAGE(1));
  const { found, appendedAt } = readAll(rebuilt(file));
  expect(found).toEqual([]);
  expect(appendedAt).toBe(0);
});

test('a consumer that was further than the last record that is left skips no new one', () => {
  const file = damagedCopy(1, readFileSync(logPaths(folder).file).subarray(0, PAGE_BYTES));
  using writer = new LogWriter(openLogFile(file, 'write'), { file });
  const offsets = [{ topic: 'readings', group: 'ahead', offset: records + 50 }];
  writer.commit({ segments: [], offsets, seenMs: null, probeBytes: 0 });
  const to = rebuilt(file);
  expect(readAll(to).appendedAt).toBe(records + 50);
});

test('[P7] offsets that a file made anew leaves out are no backlog, and hold no room', () => {
  const to = rebuilt(damagedCopy(1, new Uint8Array(PAGE_BYTES)));
  using writer = new LogWriter(openLogFile(to, 'write'), { file: to });
  using reader = new LogReader(openLogFile(to, 'read'));
  writer.ensureTopics([TOPIC]);
  const commit = (offset: number) => {
    const offsets = [{ topic: 'readings', group: 'g', offset }];
    writer.commit({ segments: [], offsets, seenMs: null, probeBytes: 0 });
    const { topics } = reader.measure({ groupsSince: 0 });
    return { ...reader.progress({ topic: 'readings', group: 'g' }), held: topics[0]?.heldRecords };
  };
  expect(commit(records - 1)).toMatchObject({ backlog: 1, backlogSince: expect.any(Number), held: 1 });
  const done = commit(records);
  expect(done).toMatchObject({ backlog: 0, backlogSince: null, held: 0 });
  expect(done.endOffset).toBeGreaterThan(records + 100_000);
});
