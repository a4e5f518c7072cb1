import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type EmbeddedEventLogOptions, openEmbeddedEventLog } from './open-embedded-event-log.ts';

const CONFIGURATION = { code: 'configuration', message: expect.stringContaining('DATA_DIR') };

describe('[P10] opening the embedded event log', () => {
  let dataDir: string;
  let file: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'event-log-'));
    file = join(dataDir, 'event-log.sqlite');
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const open = async (role: EmbeddedEventLogOptions['role'], folder = dataDir): Promise<EventLog> => {
    const log = await openEmbeddedEventLog(
      { dataDir: folder, role, maxBytes: 1024 ** 3 },
      {
        log: createLogger({ name: 'test', level: 'silent' }),
        metrics: new Registry(),
        now: Date.now,
        random: Math.random,
      },
    );
    onTestFinished(() => log.close());
    return log;
  };

  test.skipIf(process.platform === 'win32')(
    'a pipe in its place is refused, and not waited for',
    async () => {
      execFileSync('mkfifo', [file]);
      for (const role of ['owner', 'beside'] as const)
        await expect(open(role)).rejects.toMatchObject(CONFIGURATION);
      expect(statSync(file).isFIFO()).toBe(true);
    },
  );

  test('the owner creates the folder and the file', async () => {
    const log = await open('owner', join(dataDir, 'new', 'folder'));
    expect(log.health()).toEqual({ up: true, detail: '' });
  });

  test('a second owner is refused while the first is open, and welcome afterwards', async () => {
    const first = await open('owner');
    await expect(open('owner')).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/DATA_DIR.*another pipeline process/),
    });
    await first.close();
    await open('owner');
  });

  test('an owner in another process counts, until it is killed', async () => {
    await (await open('owner')).close();
    const script = `
      const { holdFileLock } = await import(process.argv[1]);
      const lock = holdFileLock(process.argv[2]);
      console.log(lock === undefined ? 'busy' : 'held');
      setInterval(() => lock, 1000);`;
    const lockFile = join(
      dataDir,
      'locks',
      readdirSync(join(dataDir, 'locks')).find((name) => name.includes('owner')) ?? '',
    );
    const child = spawn(
      'node',
      ['--input-type=module', '--eval', script, '--', import.meta.resolve('#runtime/file-lock.ts'), lockFile],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exit = once(child, 'exit');
    expect(String((await once(child.stdout, 'data'))[0])).toBe('held\n');
    await expect(open('owner')).rejects.toMatchObject(CONFIGURATION);
    child.kill('SIGKILL');
    await exit;
    await open('owner');
  });

  test('beside: nothing is created where no pipeline ever ran', async () => {
    await expect(open('beside')).rejects.toMatchObject(CONFIGURATION);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test('beside: works while the owner runs, and after it is gone', async () => {
    const owner = await open('owner');
    await owner.ensureTopics([{ name: 't', cleanup: 'delete', retentionMs: 1_000_000 }]);
    const beside = await open('beside');
    await beside.append({ topic: 't', key: 'a', value: null, headers: {} }, performance.now() + 60_000);
    await owner.close();
    expect(await Array.fromAsync(beside.read('t'))).toHaveLength(1);
    await beside.close();
    expect(await Array.fromAsync((await open('beside')).read('t'))).toHaveLength(1);
  });

  test('a file that is not SQLite is kept, and a log begun beside it', async () => {
    const notes = 'these are my notes, not a database. '.repeat(1_000);
    writeFileSync(file, notes);
    await expect(open('beside')).rejects.toMatchObject(CONFIGURATION);
    await open('owner');
    const kept = readdirSync(dataDir).find((name) => name.startsWith('event-log.sqlite.damaged-'));
    expect(readFileSync(join(dataDir, String(kept)), 'utf8')).toBe(notes);
  });

  test('the SQLite file of another program', async () => {
    const other = new DatabaseSync(file);
    other.exec('CREATE TABLE music (title TEXT)');
    other.close();
    await expect(open('owner')).rejects.toMatchObject({
      ...CONFIGURATION,
      message: expect.stringContaining('not an event log'),
    });
  });

  test('[P2] a process that was killed while it made the file is no obstacle to the next one', async () => {
    const begun = new DatabaseSync(file);
    begun.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
    begun.close();
    expect(statSync(file).size).toBe(4096);
    const log = await open('owner');
    await log.ensureTopics([{ name: 't', cleanup: 'delete', retentionMs: 1_000_000 }]);
    expect(await Array.fromAsync(log.read('t'))).toEqual([]);
  });

  test('a file of a later version', async () => {
    await (await open('owner')).close();
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    await expect(open('owner')).rejects.toMatchObject({
      ...CONFIGURATION,
      message: expect.stringContaining('version 99'),
    });
  });

  test('[P2] a consumer that meets damaged pages is told of their records, and goes on', async () => {
    const first = await open('owner');
    await first.ensureTopics([{ name: 't', cleanup: 'delete', retentionMs: 1_000_000 }]);
    const value = Buffer.alloc(60_000, 1);
    for (let i = 0; i < 20; i++) {
      await first.append({ topic: 't', key: 'a', value, headers: {} }, performance.now() + 60_000);
    }
    await first.close();
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, Buffer.alloc(40_960, 0xee), 0, 40_960, 600_000);
    closeSync(descriptor);

    const log = await open('owner');
    const seen: LogRecord[] = [];
    const subscription = await log.subscribe({
      topic: 't',
      group: 'g',
      maxBatchRecords: 10,
      maxBatchBytes: 1_000_000,
      onBatch: async ({ records }) => void seen.push(...records),
    });
    const append = { topic: 't', key: 'a', value: Buffer.from('later'), headers: {} };
    const { offset } = await log.append(append, performance.now() + 30_000);
    await eventually(() => expect(seen.at(-1)?.offset).toBe(offset));
    const damaged = seen.filter(({ damage }) => damage !== undefined);
    expect(damaged.length).toBeGreaterThan(0);
    expect(damaged.length).toBeLessThan(4);
    expect(damaged[0]?.damage).toContain(
      `${file} is damaged: a record of t from offset ${damaged[0]?.offset}`,
    );
    expect(seen.reduce((sum, { damagedRecords = 1 }) => sum + damagedRecords, 0)).toBe(21);
    expect(subscription.trouble()).toBeUndefined();
  });

  test('a path that is a file', async () => {
    writeFileSync(join(dataDir, 'file'), '');
    await expect(open('owner', join(dataDir, 'file'))).rejects.toMatchObject(CONFIGURATION);
  });

  describe('without the right to write', () => {
    // Root may write everything, so the log is opened by another user.
    const isRoot = process.getuid?.() === 0;
    const nobody = 65_534;

    test.skipIf(!isRoot)('a folder that may only be read', async () => {
      chmodSync(dataDir, 0o555);
      expect(await openAs(nobody, dataDir)).toMatch(/^configuration .*DATA_DIR/);
    });

    test.skipIf(!isRoot)('a file that may only be read', async () => {
      await (await open('owner')).close();
      chmodSync(dataDir, 0o777);
      rmSync(join(dataDir, 'locks'), { recursive: true });
      mkdirSync(join(dataDir, 'locks'));
      chmodSync(join(dataDir, 'locks'), 0o777);
      chmodSync(file, 0o444);
      expect(existsSync(`${file}-wal`)).toBe(false);
      expect(await openAs(nobody, dataDir)).toMatch(/^configuration .*DATA_DIR.*event-log\.sqlite/);
    });
  });
});

/** Opens the log in a process of another user; gives the code and message of the error, or `opened`. */
async function openAs(uid: number, dataDir: string): Promise<string> {
  const script = `
    const { openEmbeddedEventLog } = await import(process.argv[1]);
    const { createLogger } = await import(process.argv[2]);
    const { Registry } = await import('prom-client');
    try {
      const log = await openEmbeddedEventLog({ dataDir: process.argv[3], role: 'owner', maxBytes: 1e9 }, {
        log: createLogger({ name: 'child', level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random,
      });
      await log.close();
      console.log('opened');
    } catch (error) {
      console.log(error.code + ' ' + error.message);
    }`;
  const modules = ['./open-embedded-event-log.ts', '#runtime/logger.ts'].map((name) =>
    import.meta.resolve(name),
  );
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', script, '--', ...modules, dataDir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      uid,
    },
  );
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  return output;
}
