import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { walBytes } from '#sqlite/write-ahead-log.ts';
import { logPaths } from './log-file.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';
import { appendUntilRefused } from './testing/append-until-refused.ts';

const MAX_BYTES = 24_000_000;
const USUAL_WAL_BYTES = 16 * 1024 * 1024;

test('[P6] a program that keeps reading cannot make the write-ahead log outgrow the limit, and it is seen', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const metrics = new Registry();
  const log = await openEmbeddedEventLog(
    { dataDir, role: 'owner', maxBytes: MAX_BYTES, retentionPassMs: 50 },
    { log: createLogger({ name: 'test', level: 'silent' }), metrics, now: Date.now, random: Math.random },
  );
  onTestFinished(() => log.close());
  await log.ensureTopics([{ name: 't', cleanup: 'delete', retentionMs: 3_600_000 }]);
  const append = (deadlineMs: number) =>
    log.append(
      { topic: 't', key: 'a', value: Buffer.alloc(200_000), headers: {} },
      performance.now() + deadlineMs,
    );
  await append(30_000);

  const reader = new DatabaseSync(logPaths(dataDir).file);
  reader.exec('BEGIN; SELECT * FROM topics');
  await appendUntilRefused(log, () => append(60_000));
  expect(log.health()).toMatchObject({ up: false, detail: expect.stringContaining('keeps reading') });
  const { file } = logPaths(dataDir);
  expect(walBytes(file)).toBeGreaterThan(USUAL_WAL_BYTES);
  expect(walBytes(file)).toBeLessThan(USUAL_WAL_BYTES + MAX_BYTES);
  await eventually(async () => expect(await metrics.metrics()).toMatch(/^event_log_wal_bytes [12]\d{7}$/m));

  reader.close();
  await eventually(() => expect(log.health().up).toBe(true));
  await append(30_000);
  expect(walBytes(file)).toBeLessThanOrEqual(USUAL_WAL_BYTES);
});
