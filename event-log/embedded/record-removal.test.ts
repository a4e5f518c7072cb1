import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { count } from '#sqlite/open-database.ts';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { RecordPacker } from './packed-records.ts';
import { RecordRemoval } from './record-removal.ts';

const MIB = 1024 * 1024;

// What is removed, and when, is tested through the log (`retention.test.ts`).
test('space that is not reused goes back to the file system, in small steps, and some is kept', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  prepareFolder(dataDir, true);
  prepareLogFile(dataDir, { maxBytes: 1024 * MIB, nowMs: 10_000 });
  const { file } = logPaths(dataDir);
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
    const { more, topics } = removal.removeOld({ seenMs: 10_000, activeGroups: [], groupsSince: 0 });
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

test('[P2] [P6] consumed records make room for new ones at once, others never, and none before groups had time to subscribe', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  prepareFolder(dataDir, true);
  prepareLogFile(dataDir, { maxBytes: 4 * MIB, nowMs: 10_000 });
  const { file } = logPaths(dataDir);
  using writer = new LogWriter(openLogFile(file, 'write'), { file });
  writer.ensureTopics([{ name: 't', cleanup: 'delete', retentionMs: 1e9 }]);
  writer.joinGroup({ topic: 't', group: 'g' });
  let appended = 0;
  const append = (bytes = 100_000) => {
    const packer = new RecordPacker();
    packer.add({ topic: 't', key: 'a', value: Buffer.alloc(bytes), headers: {} });
    const segment = { topic: 't', records: 1, timestamp: 0, owed: false, payload: packer.build() };
    const { segments, failure } = writer.commit({
      segments: [segment],
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
  writer.removeOld({ seenMs: 10_000, activeGroups: [], groupsSince: 0 });
  expect(untilRefused()).toBeGreaterThan(room / 2);

  // As long as they are consumed, without end; small ones too, and what went is told by the housekeeping.
  for (let i = 0; i < 100; i++) {
    consume(appended);
    expect(append(i % 2 === 0 ? 100_000 : 100)).toBeUndefined();
  }
  const { topics } = writer.removeOld({ seenMs: 10_000, activeGroups: [], groupsSince: 0 });
  expect(topics.reduce((sum, { removedRecords }) => sum + removedRecords, 0)).toBeGreaterThan(30);
  using reader = new LogReader(openLogFile(file, 'read'));
  expect(reader.progress({ topic: 't', group: 'g' })).toMatchObject({ backlog: 1, endOffset: appended });
});
