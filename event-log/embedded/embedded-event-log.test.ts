import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { describeEventLog } from '#event-log/event-log.suite.ts';
import type { Deps } from '#runtime/deps.ts';
import { createLogger } from '#runtime/logger.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';

const testDeps = (): Deps => ({
  log: createLogger({ name: 'test', level: 'silent' }),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
});

describeEventLog(
  'embedded',
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    const options = { dataDir, maxBytes: 1024 ** 3, changePollMs: 20 };
    return {
      open: () => openEmbeddedEventLog({ ...options, role: 'owner' }, testDeps()),
      openBeside: () => openEmbeddedEventLog({ ...options, role: 'beside' }, testDeps()),
      blockAppends: async () => {
        const other = new DatabaseSync(join(dataDir, 'event-log.sqlite'), { timeout: 60_000 });
        other.exec('BEGIN IMMEDIATE');
        return async () => other.close();
      },
      dispose: async () => rmSync(dataDir, { recursive: true }),
    };
  },
  { patienceMs: 60_000, quietMs: 100, sequences: 10 },
);
