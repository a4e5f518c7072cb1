import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { count, logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import type { ReaderCalls, WriterCalls } from './log-thread-calls.ts';
import { LogThreadClient } from './log-thread-client.ts';

describe('threads of the embedded event log', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    prepareFolder(dataDir, true);
    prepareLogFile(dataDir, 'owner');
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const options = (file = logPaths(dataDir).file) => ({ file, maxBytes: 1024 ** 3, changePollMs: 10 });
  const openWriter = (file?: string) =>
    new LogThreadClient<WriterCalls>({ ...options(file), role: 'writer' });
  const openReader = () => new LogThreadClient<ReaderCalls>({ ...options(), role: 'reader' });

  test('[P1] the connection that writes waits for the disk at every commit', () => {
    const database = openLogFile(logPaths(dataDir).file, 'write');
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(database.prepare('PRAGMA auto_vacuum').get()).toEqual({ auto_vacuum: 2 });
    expect(count(database, 'user_version')).toBe(1);
    database.close();
  });

  test('the connection that reads cannot write', () => {
    const database = openLogFile(logPaths(dataDir).file, 'read');
    expect(() => database.exec('DELETE FROM topics')).toThrow(/readonly|query_only/);
    database.close();
  });

  test('a failure of one call is its own, and the thread goes on', async () => {
    const reader = openReader();
    await expect(reader.call('fetch', { topic: 'none', fromOffset: 0, maxBytes: 1 })).rejects.toMatchObject({
      code: 'event-log-unavailable',
      retryable: true,
      message: expect.stringContaining('topic none'),
    });
    expect(await reader.call('measure', { groupsSince: 0 })).toMatchObject({ topics: [] });
    await reader.close();
  });

  test('calls made before closing are answered, later ones refused', async () => {
    const writer = openWriter();
    const ensured = writer.call('ensureTopics', [{ name: 't', cleanup: 'delete', retentionMs: 1 }]);
    await writer.close();
    expect(await ensured).toEqual([{ name: 't', created: true, cleanup: 'delete' }]);
    await expect(writer.call('ensureTopics', [])).rejects.toMatchObject({ code: 'closed' });
  });

  test('[P7] a thread that dies says so, and fails its calls', async () => {
    const broken = openWriter(join(dataDir, 'no', 'such', 'folder', 'file'));
    const call = broken.call('ensureTopics', []);
    await expect(call).rejects.toMatchObject({ code: 'event-log-unavailable', retryable: false });
    expect(await broken.died).toMatchObject({ code: 'event-log-unavailable' });
    await expect(broken.call('ensureTopics', [])).rejects.toMatchObject({ code: 'event-log-unavailable' });
    await broken.close();
  });
});
