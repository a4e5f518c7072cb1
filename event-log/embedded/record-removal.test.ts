import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeLetterState } from '#contract/letter-state.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import { count } from '#sqlite/open-database.ts';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import type { Segment } from './log-thread-calls.ts';
import { LogWriter } from './log-writer.ts';
import { RecordPacker } from './packed-records.ts';
import { RecordRemoval } from './record-removal.ts';

const MIB = 1024 * 1024;

// What is removed, and when, is tested through the log (`retention.test.ts`).
test('space that is not reused goes back to the file system, in small steps, and some is kept', () => {
  const file = logOf(1024 * MIB);
  const database = openLogFile(file, 'write');
  onTestFinished(() => database.close());
  const removal = new RecordRemoval(database);

  database.exec(
    "PRAGMA synchronous = OFF; INSERT INTO topics (id, name, cleanup, retention_ms) VALUES (1, 't', 'delete', 1000)",
  );
  const insert = database.prepare(
    'INSERT INTO record_batches (topic_id, base_offset, records, timestamp, payload) VALUES (1, ?, 1, 0, ?)',
  );
  const payload = Buffer.alloc(MIB, 1);
  for (let offset = 0; offset < 90; offset++) insert.run(offset, payload);
  expect(removal.usedBytes()).toBeGreaterThan(90 * MIB);
  expect(removal.giveBackSpace()).toBe(false);

  let steps = 0;
  for (;;) {
    const { more, topics } = removal.removeOld(LOOK);
    expect(topics.every(({ removedRecords }) => removedRecords <= 8)).toBe(true);
    if (!more) break;
    steps++;
  }
  expect(steps).toBeGreaterThanOrEqual(11);
  expect(removal.usedBytes()).toBeLessThan(MIB);

  const before = count(database, 'page_count');
  while (removal.giveBackSpace()) expect(before - count(database, 'page_count')).toBeGreaterThan(0);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  expect(statSync(file).size).toBeLessThan(66 * MIB);
  expect(statSync(file).size).toBeGreaterThan(60 * MIB);
});

/** The file of a log that may hold so much. */
function logOf(maxBytes: number): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  prepareFolder(dataDir, true);
  prepareLogFile(dataDir, { maxBytes, nowMs: 10_000 });
  return logPaths(dataDir).file;
}

/** One record alone. */
function segmentOf(record: AppendRecord): Segment {
  const packer = new RecordPacker();
  packer.add(record);
  return { topic: record.topic, records: 1, timestamp: 0, owed: false, payload: packer.build() };
}

const LOOK = { seenMs: 10_000, activeGroups: [], groupsSince: 0 };

test('[P2] [P6] consumed records make room for new ones at once, others never, and none before groups had time to subscribe', () => {
  const file = logOf(4 * MIB);
  using writer = new LogWriter(openLogFile(file, 'write'), { file });
  writer.ensureTopics([{ name: 't', cleanup: 'delete', retentionMs: 1e9 }]);
  writer.joinGroup({ topic: 't', group: 'g' });
  let appended = 0;
  const append = (bytes = 100_000) => {
    const { segments, failure } = writer.commit({
      segments: [segmentOf({ topic: 't', key: 'a', value: Buffer.alloc(bytes), headers: {} })],
      offsets: [],
      seenMs: 10_000,
      probeBytes: 0,
    });
    if (segments[0]?.kind === 'durable') appended++;
    return failure?.cause;
  };
  const consume = (offset: number) =>
    writer.commit({
      segments: [],
      offsets: [{ topic: 't', group: 'g', offset }],
      seenMs: null,
      probeBytes: 0,
    });
  const untilRefused = () => {
    for (let i = 0; i < 100; i++) if (append() !== undefined) return i;
    return Infinity;
  };

  const room = untilRefused();
  expect(room).toBeGreaterThan(30);
  consume(appended - 5);
  expect(untilRefused()).toBe(0);
  writer.removeOld(LOOK);
  expect(untilRefused()).toBeGreaterThan(room / 2);

  // As long as they are consumed, without end; small ones too, and what went is told by the housekeeping.
  for (let i = 0; i < 100; i++) {
    consume(appended);
    expect(append(i % 2 === 0 ? 100_000 : 100)).toBeUndefined();
  }
  const { topics } = writer.removeOld(LOOK);
  expect(topics.reduce((sum, { removedRecords }) => sum + removedRecords, 0)).toBeGreaterThan(30);
  using reader = new LogReader(openLogFile(file, 'read'));
  expect(reader.progress({ topic: 't', group: 'g' })).toMatchObject({ backlog: 1, endOffset: appended });
});

test('what was settled and went to make room is told by the housekeeping', () => {
  const file = logOf(16 * MIB);
  using writer = new LogWriter(openLogFile(file, 'write'), { file });
  writer.ensureTopics([
    { name: 'state', cleanup: 'compact', retentionMs: 0 },
    {
      name: 'letters',
      cleanup: 'delete',
      retentionMs: 1e9,
      share: { ofLog: 0.25, perKey: 0.5, settledIn: 'state' },
    },
  ]);
  const append = (record: AppendRecord) => {
    const segments = [segmentOf(record)];
    return writer.commit({ segments, offsets: [], seenMs: 10_000, probeBytes: 0 }).segments[0];
  };
  // Bytes that cannot be made smaller.
  const letter = (which: number) => {
    const value = createHash('shake256', { outputLength: 100_000 }).update(String(which)).digest();
    return append({ topic: 'letters', key: 'broken', value, headers: {} });
  };
  let letters = 0;
  while (letter(letters)?.kind === 'durable') letters++;
  for (let offset = 0; offset < 3; offset++) {
    append(encodeLetterState('state', { partition: 0, offset }, { outcome: 'dismissed', at: 1, attempt: 0 }));
  }
  expect(letter(letters)).toMatchObject({ kind: 'durable' });
  const told = { topic: 'letters', removedRecords: 3, forSpace: true };
  expect(writer.removeOld(LOOK).topics).toEqual([told]);
  expect(writer.removeOld(LOOK).topics).toEqual([]);
});
