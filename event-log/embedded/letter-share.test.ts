import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { encodeLetterState, type LetterState } from '#contract/letter-state.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { pipelineTopics } from '#event-log/pipeline-topics.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type EmbeddedEventLogOptions, openEmbeddedEventLog } from './open-embedded-event-log.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const HOUR_MS = 3_600_000;
const topics = { telemetry: 'readings', deadLetters: 'letters', deadLetterState: 'state' };
const DISMISSED: LetterState = { outcome: 'dismissed', at: 1, attempt: 0 };

describe('embedded event log: the share of dead letters', () => {
  let dataDir: string;
  let metrics: Registry;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const open = async (options: Partial<EmbeddedEventLogOptions> = {}): Promise<EventLog> => {
    metrics = new Registry();
    const log = await openEmbeddedEventLog(
      { dataDir, role: 'owner', maxBytes: MAX_BYTES, retentionPassMs: 20, retentionDelayMs: 0, ...options },
      {
        log: createLogger({ name: 'test', level: 'silent' }),
        metrics,
        now: Date.now,
        random: Math.random,
      },
    );
    onTestFinished(() => log.close());
    if (options.role !== 'beside') {
      await log.ensureTopics(
        pipelineTopics({ topics, telemetryRetentionMs: HOUR_MS, deadLetterRetentionMs: HOUR_MS }),
      );
    }
    return log;
  };
  let values = 0;
  /** Bytes that cannot be made smaller. */
  const bytes = (outputLength: number) =>
    createHash('shake256', { outputLength }).update(String(values++)).digest();
  const append = (
    log: EventLog,
    topic: string,
    key: string,
    size: number,
    { deadlineMs = 60_000, ...more }: { owed?: true; deadlineMs?: number } = {},
  ) => log.append({ topic, key, value: bytes(size), headers: {}, ...more }, performance.now() + deadlineMs);
  /** Appends until the log says that there is no room; a deadline that a busy machine let pass is none of its words. */
  const untilRefused = async (log: EventLog, topic: string, key: string, size: number) => {
    for (;;) {
      try {
        await append(log, topic, key, size, { deadlineMs: 1_000 });
      } catch (error) {
        expect(error).toMatchObject({ code: 'not-durable' });
        // The gateway says the same of the device whose message this was.
        if (/ of at most \d+ bytes/.test((error as Error).message)) return;
      }
    }
  };
  /** Letters of one device until one is refused; how many were taken. */
  const fill = async (log: EventLog, device: string) => {
    await untilRefused(log, 'letters', device, 100_000);
    return (await Array.fromAsync(log.read('letters'))).filter(({ key }) => String(key) === device).length;
  };
  const dismiss = (log: EventLog, offset: number) =>
    log.append(encodeLetterState('state', { partition: 0, offset }, DISMISSED), performance.now() + 60_000);

  test('[P6] one broken device fills what one device may have, and holds up nobody', async () => {
    const log = await open();
    const taken = await fill(log, 'broken');
    // An eighth of a quarter of the log.
    expect(taken).toBe(Math.floor(MAX_BYTES / 4 / 8 / 100_120));
    expect(log.health().up).toBe(true);
    const [progress] = await log.progress('letters', 'g');
    expect(progress?.share).toMatchObject({ isCrowded: false, crowdedKeys: new Set(['broken']) });
    expect(progress?.share?.used).toBeGreaterThan(0.9);
    await append(log, 'letters', 'another', 100_000);
    for (let i = 0; i < 20; i++) await append(log, 'readings', 'good', 100_000);
    await eventually(async () =>
      expect(await metrics.metrics()).toMatch(/event_log_append_failures_total\{cause="share-limit"\} [1-9]/),
    );
    expect(await metrics.metrics()).toMatch(/event_log_share_used_ratio\{topic="letters"\} 0\.9/);
    expect(log.health().shareTrouble).toContain('(broken)');
  });

  test('[P2] a letter of the writer is taken nevertheless, and readings keep their room', async () => {
    const log = await open();
    const devices = Array.from({ length: 9 }, (_, i) => `broken-${i}`);
    await Promise.all(devices.map((device) => fill(log, device)));
    await untilRefused(log, 'letters', 'new', 100_000);
    const taken = (await Array.fromAsync(log.read('letters'))).map(({ key }) => String(key));
    expect(taken).not.toContain('new');
    await append(log, 'letters', 'new', 100_000, { owed: true });
    for (let i = 0; i < 50; i++) await append(log, 'readings', 'good', 100_000);
    expect(log.health().up).toBe(true);
  });

  test('what was dismissed goes first, oldest first, and its device is heard again; its state goes with it', async () => {
    const log = await open();
    const taken = await fill(log, 'broken');
    for (const offset of [0, 2]) await dismiss(log, offset);
    await append(log, 'letters', 'broken', 100_000);
    await append(log, 'letters', 'broken', 100_000);
    const left = (await Array.fromAsync(log.read('letters'))).map(({ offset }) => offset);
    expect(left).not.toContain(0);
    expect(left).not.toContain(2);
    expect(left).toHaveLength(taken);
    expect(await Array.fromAsync(log.read('state'))).toEqual([]);
  });

  test('a full log has room to dismiss, also for a command that knows nothing of the limit', async () => {
    const owner = await open();
    for (let i = 0; i < 5; i++) await append(owner, 'letters', 'broken', 50_000);
    await owner.subscribe({
      topic: 'readings',
      group: 'stuck',
      maxBatchRecords: 1,
      maxBatchBytes: 1,
      onBatch: async () => Promise.reject(new Error('not now')),
    });
    await untilRefused(owner, 'readings', 'good', 200_000);
    await owner.close();

    const command = await open({ role: 'beside', maxBytes: 1e12 });
    await expect(append(command, 'readings', 'good', 200_000, { deadlineMs: 2_000 })).rejects.toMatchObject({
      code: 'not-durable',
    });
    for (let offset = 0; offset < 5; offset++) await dismiss(command, offset);
    expect(await Array.fromAsync(command.read('state'))).toHaveLength(5);
  });

  test('[P6] a limit that is set below what the letters take leaves room to dismiss them, and then takes readings', async () => {
    const first = await open();
    for (let i = 0; i < 30; i++) await append(first, 'letters', `broken-${i}`, 100_000);
    await first.close();
    const owner = await open({ maxBytes: 2_000_000 });
    // Though nobody has tried yet.
    await eventually(() => expect(owner.health()).toMatchObject({ up: false }));
    await untilRefused(owner, 'readings', 'good', 100_000);
    const command = await open({ role: 'beside', maxBytes: 2_000_000 });
    for (let offset = 0; offset < 30; offset++) await dismiss(command, offset);
    await append(owner, 'readings', 'good', 100_000);
  });

  test('at the size limit the log stays down for small records too, and comes up once', async () => {
    const log = await open();
    let mayTake = false;
    await log.subscribe({
      topic: 'readings',
      group: 'writer',
      maxBatchRecords: 10,
      maxBatchBytes: 1_000_000,
      onBatch: async () => {
        if (!mayTake) throw new Error('not now');
      },
    });
    await untilRefused(log, 'readings', 'a', 200_000);
    const flips: boolean[] = [];
    let last = log.health().up;
    const watch = setInterval(() => {
      const { up } = log.health();
      if (up !== last) flips.push(up);
      last = up;
    }, 1);
    onTestFinished(() => clearInterval(watch));
    expect(last).toBe(false);
    expect(log.health().detail).toMatch(/event-log\.sqlite holds \d+ of at most \d+ bytes/);
    const small = await Promise.allSettled(
      Array.from({ length: 50 }, () => append(log, 'readings', 'b', 10, { deadlineMs: 2_000 })),
    );
    expect(small.every(({ status }) => status === 'rejected')).toBe(true);
    expect(flips).toEqual([]);

    mayTake = true;
    await eventually(() => expect(log.health().up).toBe(true));
    await append(log, 'readings', 'a', 200_000);
    await eventually(() => expect(flips).toEqual([true]));
  });

  test('a log of version 1 is brought up to date, its records and groups kept', async () => {
    const log = await open();
    await append(log, 'readings', 'a', 100);
    await log.close();
    const database = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    database.exec(`
      DROP TRIGGER share_taken; DROP TRIGGER share_released; DROP TABLE key_shares; DROP TABLE log_state;
      ALTER TABLE topics DROP COLUMN share_of_log; ALTER TABLE topics DROP COLUMN share_per_key;
      ALTER TABLE topics DROP COLUMN settled_in; ALTER TABLE topics DROP COLUMN share_bytes;
      ALTER TABLE record_batches DROP COLUMN seen_at; ALTER TABLE record_batches DROP COLUMN is_deflated;
      ALTER TABLE record_batches DROP COLUMN share_bytes;
      PRAGMA user_version = 1`);
    database.close();

    await expect(open({ role: 'beside' })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('start the pipeline once'),
    });
    const upgraded = await open();
    await append(upgraded, 'readings', 'a', 100);
    await append(upgraded, 'letters', 'a', 100);
    expect(await Array.fromAsync(upgraded.read('readings'))).toHaveLength(2);
    expect(await Array.fromAsync(upgraded.read('letters'))).toHaveLength(1);
  });
});
