import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseThread } from '#sqlite/database-thread.ts';
import { count } from '#sqlite/open-database.ts';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import type { LogThreadOptions, ReaderCalls, WriterCalls } from './log-thread-calls.ts';

describe('threads of the embedded event log', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    prepareFolder(dataDir, true);
    prepareLogFile(dataDir, { maxBytes: 1024 ** 3, nowMs: 0 });
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const threadOptions = (role: LogThreadOptions['role'], file = logPaths(dataDir).file) => ({
    name: 'event log',
    entry: new URL('./log-thread.ts', import.meta.url),
    workerData: { role, file, changePollMs: 10, ownersMaxBytes: undefined } satisfies LogThreadOptions,
    code: 'event-log-unavailable' as const,
    afterDeath: 'stay-dead' as const,
  });

  test('[P1] the connection that writes waits for the disk at every commit', () => {
    const database = openLogFile(logPaths(dataDir).file, 'write');
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(database.prepare('PRAGMA fullfsync').get()).toEqual({ fullfsync: 1 });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(database.prepare('PRAGMA auto_vacuum').get()).toEqual({ auto_vacuum: 2 });
    expect(count(database, 'user_version')).toBe(2);
    database.close();
  });

  test('a copy without a write-ahead log, as a backup is one, gets it from its owner', () => {
    const database = openLogFile(logPaths(dataDir).file, 'write');
    database.exec('PRAGMA journal_mode = DELETE');
    database.close();
    prepareLogFile(dataDir, { maxBytes: 1024 ** 3, nowMs: 0 });
    using again = openLogFile(logPaths(dataDir).file, 'write');
    expect(again.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  });

  test('the connection that reads cannot write', () => {
    const database = openLogFile(logPaths(dataDir).file, 'read');
    expect(() => database.exec('DELETE FROM topics')).toThrow(/readonly|query_only/);
    database.close();
  });

  test('a failure of one call is its own, and the thread goes on', async () => {
    const reader = new DatabaseThread<ReaderCalls>(threadOptions('reader'));
    await expect(reader.call('fetch', { topic: 'none', fromOffset: 0, maxBytes: 1 })).rejects.toMatchObject({
      code: 'event-log-unavailable',
      retryable: true,
      message: expect.stringContaining('topic none'),
    });
    expect(await reader.call('measure', { groupsSince: 0 })).toMatchObject({ topics: [] });
    await reader.close();
  });

  test('calls made before closing are answered, later ones refused', async () => {
    const writer = new DatabaseThread<WriterCalls>(threadOptions('writer'));
    const ensured = writer.call('ensureTopics', [{ name: 't', cleanup: 'delete', retentionMs: 1 }]);
    await writer.close();
    expect(await ensured).toEqual([{ name: 't', created: true, cleanup: 'delete' }]);
    await expect(writer.call('ensureTopics', [])).rejects.toMatchObject({ code: 'closed' });
  });
});
