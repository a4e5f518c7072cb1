import { copyFileSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { logPaths } from './log-file.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';

/*
 * Aim: what was acknowledged outlives a person, or a script, that clears away the files of a running pipeline.
 * Method: the files go in every way a person can make them go; the log is written on, closed, and opened again.
 */
const TOPIC = { name: 'readings', cleanup: 'delete', retentionMs: 3_600_000 } as const;

async function openLog(dataDir: string, metrics = new Registry()) {
  const log = await openEmbeddedEventLog(
    { dataDir, role: 'owner', maxBytes: 1024 ** 3 },
    { log: createLogger({ name: 'test', level: 'silent' }), metrics, now: Date.now, random: Math.random },
  );
  await log.ensureTopics([TOPIC]);
  return log;
}

type Log = Awaited<ReturnType<typeof openLog>>;

const append = (log: Log, key: string) =>
  log.append({ topic: TOPIC.name, key, value: Buffer.alloc(5_000), headers: {} }, performance.now() + 30_000);
const keys = async (log: Log) =>
  (await Array.fromAsync(log.read(TOPIC.name))).map((record) => String(record.key));

function remove(file: string, ...endings: readonly string[]): void {
  for (const ending of endings) rmSync(`${file}${ending}`);
}

const WAYS: Readonly<Record<string, (dataDir: string, file: string) => void>> = {
  'the file and its journals deleted': (_, file) => remove(file, '', '-wal', '-shm'),
  'the file alone deleted': (_, file) => remove(file, ''),
  'its write-ahead log deleted': (_, file) => remove(file, '-wal'),
  'its shared memory deleted': (_, file) => remove(file, '-shm'),
  'the whole folder deleted': (dataDir) => rmSync(dataDir, { recursive: true }),
  'the folder renamed': (dataDir) => renameSync(dataDir, `${dataDir}-before`),
  'another file put in its place': (_, file) => {
    writeFileSync(`${file}.other`, 'what somebody thought belongs here');
    renameSync(`${file}.other`, file);
  },
  'an older copy put in its place': (_, file) => {
    copyFileSync(file, `${file}.other`);
    renameSync(`${file}.other`, file);
  },
};

test.for(Object.entries(WAYS))(
  '[P2] nothing acknowledged disappears: %s while the log is open',
  async ([, take]) => {
    const parent = mkdtempSync(join(tmpdir(), 'event-log-'));
    onTestFinished(() => rmSync(parent, { recursive: true }));
    const dataDir = join(parent, 'data');
    const { file } = logPaths(dataDir);
    const metrics = new Registry();
    const log = await openLog(dataDir, metrics);
    try {
      for (const key of ['a', 'b', 'c']) await append(log, key);
      take(dataDir, file);
      await append(log, 'd');
      await eventually(async () => expect(await keys(log)).toEqual(['a', 'b', 'c', 'd']));
      expect(log.health()).toMatchObject({ up: true, fileTrouble: expect.stringContaining('put back') });
      expect(await metrics.metrics()).toContain('event_log_rebuilt_total 1');
      await append(log, 'e');
    } finally {
      await log.close();
    }
    const again = await openLog(dataDir);
    expect(await keys(again)).toEqual(['a', 'b', 'c', 'd', 'e']);
    await again.close();
  },
);

test('what stood in its place is kept', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const { file } = logPaths(dataDir);
  const log = await openLog(dataDir);
  await append(log, 'a');
  WAYS['another file put in its place']?.(dataDir, file);
  await append(log, 'b');
  await log.close();
  expect(readdirSync(dataDir).filter((name) => /\.damaged-[^-]+$/.test(name))).toHaveLength(1);
});

test('[P2] also when nothing was written between its end and that of the process', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const log = await openLog(dataDir);
  await append(log, 'a');
  remove(logPaths(dataDir).file, '', '-wal', '-shm');
  await log.close();
  const again = await openLog(dataDir);
  expect(await keys(again)).toEqual(['a']);
  await again.close();
});
