import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStoreFile } from './store-file.ts';
import { TelemetryDatabase } from './telemetry-database.ts';

test('[P2] the connection that writes waits for the disk at every commit, also on macOS', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'telemetry-store-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  using _owner = new TelemetryDatabase({ dataDir, role: 'owner' });
  const database = openStoreFile(join(dataDir, 'telemetry-store.db'), 'owner');
  expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  expect(database.prepare('PRAGMA fullfsync').get()).toEqual({ fullfsync: 1 });
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  database.close();
});
