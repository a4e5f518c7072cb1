import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';

const MAX_BYTES = 1024 ** 3;

/** Appends as fast as it can, and prints a record only after its append resolved. */
const WRITER = `
  const { openEmbeddedEventLog } = await import(process.argv[1]);
  const { createLogger } = await import(process.argv[2]);
  const { Registry } = await import('prom-client');
  const log = await openEmbeddedEventLog(
    { dataDir: process.argv[3], role: 'owner', maxBytes: ${MAX_BYTES} },
    { log: createLogger({ name: 'child', level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
  );
  await log.ensureTopics([{ name: 'readings', cleanup: 'delete', retentionMs: 3_600_000 }]);
  let next = 0;
  const device = async (key) => {
    for (;;) {
      const value = String(next++);
      const { offset } = await log.append({ topic: 'readings', key, value: Buffer.from(value), headers: {} }, performance.now() + 60_000);
      process.stdout.write(offset + ' ' + key + ' ' + value + '\\n');
    }
  };
  for (let i = 0; i < 30; i++) void device('device-' + i);
`;

describe('embedded event log: durability', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  test('[P1] [P2] a process killed right after appends resolved leaves every one of these records, and no lock', async () => {
    const acknowledged = new Map<number, string>();
    // Each round starts on what the killed one before left behind.
    for (let round = 1; round <= 3; round++) {
      await killAfter(dataDir, round * 700, acknowledged);
      const log = await open(dataDir);
      const found = new Map((await readAll(log)).map((r) => [r.offset, `${r.key} ${r.value}`]));
      await log.close();
      for (const [offset, expected] of acknowledged) expect(found.get(offset)).toBe(expected);
      expect(acknowledged.size).toBeGreaterThanOrEqual(round * 700);
    }
  });

  test('[P3] offsets committed by a group survive as well: nothing that was committed comes again', async () => {
    const log = await open(dataDir);
    await log.ensureTopics([{ name: 'readings', cleanup: 'delete', retentionMs: 3_600_000 }]);
    for (let i = 0; i < 10; i++) {
      await log.append(
        { topic: 'readings', key: 'a', value: Buffer.from(`${i}`), headers: {} },
        performance.now() + 60_000,
      );
    }
    const committed = Promise.withResolvers<void>();
    await log.subscribe({
      topic: 'readings',
      group: 'writer',
      maxBatchRecords: 10,
      maxBatchBytes: 1_000,
      onBatch: async () => undefined,
      onCommitted: ({ records }) => records.at(-1)?.offset === 9 && committed.resolve(),
    });
    await committed.promise;
    const beside = await openEmbeddedEventLog({ dataDir, role: 'beside', maxBytes: MAX_BYTES }, testDeps());
    expect(await beside.progress('readings', 'writer')).toMatchObject([
      { committedOffset: 10, backlogSince: null },
    ]);
    await beside.close();
    await log.close();
  });
});

/** Starts the writer, reads what it acknowledges, and kills it once `records` were. */
async function killAfter(dataDir: string, records: number, acknowledged: Map<number, string>): Promise<void> {
  const modules = ['./open-embedded-event-log.ts', '#runtime/logger.ts'].map((name) =>
    import.meta.resolve(name),
  );
  const child = spawn('node', ['--input-type=module', '--eval', WRITER, '--', ...modules, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [offset, ...rest] = line.split(' ');
    acknowledged.set(Number(offset), rest.join(' '));
    if (++seen === records) child.kill('SIGKILL');
  }
  expect(await exit).toEqual([null, 'SIGKILL']);
}

function open(dataDir: string): Promise<EventLog> {
  return openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: MAX_BYTES }, testDeps());
}

function readAll(log: EventLog): Promise<LogRecord[]> {
  return Array.fromAsync(log.read('readings'));
}

function testDeps() {
  return {
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: new Registry(),
    now: Date.now,
    random: Math.random,
  };
}
