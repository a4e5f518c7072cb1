import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { holdFileLock } from '#runtime/file-lock.ts';
import { openForWriting } from './open-database.ts';

test('[P9] databases, their journals and locks are for their owner only, until somebody says otherwise', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'private-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const modes = () =>
    Object.fromEntries(
      readdirSync(folder).map((name) => [name, statSync(path.join(folder, name)).mode & 0o777]),
    );
  const settings = { busyTimeoutMs: 0, checkpointPages: 1_000, walKeptBytes: 0 };
  const open = () => openForWriting(path.join(folder, 'log'), settings);
  using _lock = holdFileLock(path.join(folder, 'lock'));
  const database = open();
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  expect(modes()).toMatchObject({ log: 0o600, 'log-wal': 0o600, 'log-shm': 0o600, lock: 0o600 });
  database.close();
  chmodSync(path.join(folder, 'log'), 0o640);
  open().close();
  expect(modes()).toMatchObject({ log: 0o640 });
});
