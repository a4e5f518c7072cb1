import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { offsetAfter } from './chunk-cursor.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';

/*
 * Aim: whatever happened to the files of the log, it opens and takes records, and says of every record that was
 * acknowledged either what it is or that it is lost; so does a log that is damaged while it is open.
 * Method: a log whose records stand partly in the write-ahead log, copied as a power cut would leave it, then damaged.
 */
const RECORDS = 60;
const FRAME = 24 + 4096;
const TOPIC = { name: 't', cleanup: 'delete', retentionMs: 1e9 } as const;

let dataDir: string;
let file: string;
let metrics: Registry;
let lines: string[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'damaged-log-'));
  file = join(dataDir, 'event-log.sqlite');
});
afterEach(() => rmSync(dataDir, { recursive: true }));

async function open(folder = dataDir): Promise<EventLog> {
  metrics = new Registry();
  lines = [];
  const log = await openEmbeddedEventLog(
    { dataDir: folder, role: 'owner', maxBytes: 1024 ** 3 },
    {
      log: createLogger({ name: 'test', level: 'error' }, { write: (line) => void lines.push(line) }),
      metrics,
      now: Date.now,
      random: Math.random,
    },
  );
  onTestFinished(() => log.close());
  return log;
}

/** The files as they are while a log with records is open. */
async function leaveAfterPowerCut(): Promise<void> {
  const original = mkdtempSync(join(tmpdir(), 'damaged-log-original-'));
  onTestFinished(() => rmSync(original, { recursive: true }));
  const log = await open(original);
  await log.ensureTopics([TOPIC]);
  for (let i = 0; i < RECORDS; i++) await append(log, i);
  for (const ending of ['', '-wal'])
    copyFileSync(join(original, `event-log.sqlite${ending}`), `${file}${ending}`);
}

async function append(log: EventLog, n: number): Promise<number> {
  const value = Buffer.from(JSON.stringify({ n, padding: 'x'.repeat(1_500) }));
  const record = { topic: 't', key: 'dev-1', value, headers: { n: String(n) } };
  return (await log.append(record, performance.now() + 60_000)).offset;
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

/** Reads everything, appends one more, and counts what is told as lost. */
async function verify(log: EventLog): Promise<{ lost: number; appendedAt: number }> {
  await log.ensureTopics([TOPIC]);
  const records: LogRecord[] = await Array.fromAsync(log.read('t'));
  let lost = 0;
  let next = 0;
  for (const record of records) {
    expect(record.offset).toBe(next);
    next = offsetAfter(record);
    if (record.damage !== undefined) lost += record.damagedRecords ?? 1;
    else expect(record.headers['n']).toBe(String(record.offset));
  }
  const appendedAt = await append(log, next);
  expect(appendedAt).toBeGreaterThanOrEqual(next);
  expect(log.health().up).toBe(true);
  return { lost: lost + RECORDS - next, appendedAt };
}

const keptFiles = (): string[] => readdirSync(dataDir).filter((name) => name.includes('.damaged-'));

describe('[P2] a log that was damaged while nobody had it open', () => {
  test('nothing happened to it: nothing is made anew', async () => {
    await leaveAfterPowerCut();
    expect(await verify(await open())).toEqual({ lost: 0, appendedAt: RECORDS });
    expect(keptFiles()).toEqual([]);
  });

  test.each([
    ['the header of its write-ahead log is zeroed', () => overwrite(`${file}-wal`, 0, Buffer.alloc(32)), 2],
    [
      'the beginning of its write-ahead log is garbage',
      () => overwrite(`${file}-wal`, 0, Buffer.alloc(4096, 0xee)),
      3,
    ],
    [
      'a page in the middle of its write-ahead log',
      () => overwrite(`${file}-wal`, 32 + 20 * FRAME + 7, Buffer.alloc(4096, 0xee)),
      4,
    ],
    ['its file is garbage where it began', () => overwrite(file, 0, Buffer.alloc(40_960, 0xee)), 1],
    ['its file is empty', () => truncateSync(file, 0), 1],
    ['its file is cut', () => truncateSync(file, 5_000), 1],
  ])('%s', async (_, damage, mostLost) => {
    await leaveAfterPowerCut();
    damage();
    const { lost, appendedAt } = await verify(await open());
    expect(lost).toBeLessThanOrEqual(mostLost);
    expect(appendedAt).toBeGreaterThanOrEqual(RECORDS);
  });

  test('the damaged file is kept, and told with its path', async () => {
    await leaveAfterPowerCut();
    overwrite(`${file}-wal`, 0, Buffer.alloc(32));
    await open();
    expect(keptFiles()).toHaveLength(2);
    expect(lines.join('\n')).toContain(join(dataDir, String(keptFiles()[0])));
    expect(await metrics.metrics()).toContain('event_log_rebuilt_total 1');
  });

  test('a crash while the new file was put in place: it is finished', async () => {
    await leaveAfterPowerCut();
    overwrite(`${file}-wal`, 0, Buffer.alloc(32));
    await (await open()).close();
    // As if the process had died just before the last step.
    copyFileSync(file, `${file}.rebuilt`);
    writeFileSync(`${file}-wal`, 'of the damaged file');
    const { lost } = await verify(await open());
    expect(lost).toBeLessThanOrEqual(2);
  });
});

test('[P1] [P2] a log that is damaged while it is open takes records again, and its consumers go on', async () => {
  const log = await open();
  await log.ensureTopics([TOPIC]);
  for (let i = 0; i < RECORDS; i++) await append(log, i);
  const seen: LogRecord[] = [];
  const subscription = await log.subscribe({
    topic: 't',
    group: 'g',
    maxBatchRecords: 10,
    maxBatchBytes: 1_000_000,
    onBatch: async ({ records }) => void seen.push(...records),
  });
  await eventually(() => expect(seen).toHaveLength(RECORDS));
  // SQLite holds pages in memory, and asks for others only when it must.
  truncateSync(`${file}-wal`, 0);
  overwrite(file, 0, Buffer.alloc(statSync(file).size, 0xee));
  let last = 0;
  for (let i = RECORDS; i < 2 * RECORDS; i++) last = await append(log, i);
  await eventually(() => expect(seen.at(-1)?.offset).toBe(last));
  expect(subscription.trouble()).toBeUndefined();
  expect(new Set(seen.map(({ offset }) => offset)).size).toBe(seen.length);
});
