import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { MendedFile } from '#sqlite/mended-file.ts';
import { rescuedCopies } from '#sqlite/rescued-file.ts';
import { logPaths, openLogFile, prepareFolder, prepareLogFile } from './log-file.ts';
import { LogWriter } from './log-writer.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';
import { RecordPacker } from './packed-records.ts';
import { commitWhereItStands } from './standing-commit.ts';

/*
 * Aim: nothing is acknowledged that a restart would not find, when a person or a script clears away files of a running
 * pipeline, and what was acknowledged before is found. Method: the files go in every way that a person can make them go.
 */
const TOPIC = { name: 'readings', cleanup: 'delete', retentionMs: 3_600_000 } as const;
const ENDINGS = ['', '-wal', '-shm'];

let dataDir: string;
let file: string;
beforeEach(() => {
  const parent = mkdtempSync(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  dataDir = join(parent, 'data');
  ({ file } = logPaths(dataDir));
});

async function openLog(metrics = new Registry()) {
  const log = await openEmbeddedEventLog(
    { dataDir, role: 'owner', maxBytes: 1024 ** 3 },
    { log: createLogger({ name: 'test', level: 'silent' }), metrics, now: Date.now, random: Math.random },
  );
  await log.ensureTopics([TOPIC]);
  // Both threads have their file open now.
  await keysOf(log);
  return log;
}

type Log = Awaited<ReturnType<typeof openEmbeddedEventLog>>;

const append = (log: Log, key: string, deadlineMs = 30_000) =>
  log.append(
    { topic: TOPIC.name, key, value: Buffer.alloc(5_000), headers: {} },
    performance.now() + deadlineMs,
  );
const keysOf = async (log: Log) =>
  (await Array.fromAsync(log.read(TOPIC.name))).map((record) => String(record.key));

/** By what a restart finds afterwards: what was acknowledged, or what somebody else put there. */
const WAYS: Readonly<Record<string, { readonly take: () => void; readonly strange?: true }>> = {
  'the file and its journals deleted': {
    take: () => ENDINGS.forEach((ending) => void rmSync(file + ending)),
  },
  'the file alone deleted': { take: () => rmSync(file) },
  'its write-ahead log deleted': { take: () => rmSync(`${file}-wal`) },
  'its shared memory deleted': { take: () => rmSync(`${file}-shm`) },
  'the whole folder deleted': { take: () => rmSync(dataDir, { recursive: true }) },
  'the folder renamed': { take: () => renameSync(dataDir, `${dataDir}-before`) },
  'another file put in its place': {
    take: () => {
      writeFileSync(`${file}.other`, 'what somebody thought belongs here');
      renameSync(`${file}.other`, file);
    },
    strange: true,
  },
  'an older copy put in its place': {
    take: () => {
      copyFileSync(file, `${file}.other`);
      renameSync(`${file}.other`, file);
    },
    strange: true,
  },
};

describe('a log file that does not stand at its path any more', () => {
  test.for(Object.entries(WAYS))(
    '[P1] [P2] nothing more is acknowledged, and a restart finds what was: %s',
    async ([, { take, strange }]) => {
      const metrics = new Registry();
      const log = await openLog(metrics);
      for (const key of ['a', 'b', 'c']) await append(log, key);
      take();
      await eventually(() =>
        expect(append(log, 'd', 300)).rejects.toMatchObject({
          code: 'not-durable',
          message: expect.stringContaining('while it is in use'),
        }),
      );
      expect(log.health()).toMatchObject({ up: false, detail: expect.stringContaining('docs/repair.md') });
      expect(await metrics.metrics()).toMatch(/event_log_append_failures_total\{cause="displaced"\} [1-9]/);
      expect(await keysOf(log)).toEqual(['a', 'b', 'c']);
      await log.close();

      if (strange) {
        const strangers = await openLog();
        expect(strangers.health().fileTrouble).toContain('.rescued-');
        await strangers.close();
        // As docs/repair.md says.
        mkdirSync(`${dataDir}/aside`);
        for (const ending of ENDINGS)
          if (existsSync(file + ending))
            renameSync(file + ending, join(dataDir, 'aside', basename(file) + ending));
      }
      const again = await openLog();
      expect(await keysOf(again)).toEqual(['a', 'b', 'c']);
      await append(again, 'e');
      expect(again.health()).toMatchObject({ up: true });
      expect(rescuedCopies(file)).toEqual([]);
      await again.close();
    },
  );

  test('[P7] is noticed when nobody appends', async () => {
    const metrics = new Registry();
    const log = await openLog(metrics);
    rmSync(file);
    await eventually(() => expect(log.health().up).toBe(false));
    expect(await metrics.metrics()).toContain('event_log_up 0');
    await log.close();
  });

  test('[P2] what was acknowledged before still goes to its consumer, and is not delivered again', async () => {
    const log = await openLog();
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const subscription = await log.subscribe({
      topic: TOPIC.name,
      group: 'writer',
      maxBatchRecords: 1,
      maxBatchBytes: 1e6,
      onBatch: async ({ records }) => {
        await gate.promise;
        seen.push(...records.map((record) => String(record.key)));
      },
    });
    for (const key of ['a', 'b', 'c']) await append(log, key);
    ENDINGS.forEach((ending) => void rmSync(file + ending));
    await eventually(() => expect(log.health().up).toBe(false));
    gate.resolve();
    await eventually(async () => {
      const [progress] = await log.progress(TOPIC.name, 'writer');
      expect(progress).toMatchObject({ committedOffset: 3, backlog: 0 });
    });
    expect(seen).toEqual(['a', 'b', 'c']);
    await subscription.close();
    await log.close();
  });

  test('[P2] a killed process has left a copy, which the next one takes', async () => {
    const log = await openLog();
    await append(log, 'a');
    ENDINGS.forEach((ending) => void rmSync(file + ending));
    await eventually(() => expect(rescuedCopies(file)).toHaveLength(1));
    // As if the process had been killed now.
    const killed = `${dataDir}-killed`;
    mkdirSync(killed);
    for (const copy of rescuedCopies(file)) copyFileSync(copy, join(killed, basename(copy)));
    await log.close();
    dataDir = killed;
    const again = await openLog();
    expect(await keysOf(again)).toEqual(['a']);
    await again.close();
  });

  test('[P2] killed at once, only the write-ahead log is left: what it holds is read', async () => {
    const log = await openLog();
    await append(log, 'a');
    const killed = `${dataDir}-killed`;
    mkdirSync(killed);
    copyFileSync(`${file}-wal`, join(killed, `${basename(file)}-wal`));
    await log.close();
    dataDir = killed;
    const again = await openLog();
    expect(await keysOf(again)).toEqual(['a']);
    expect(again.health().fileTrouble).toContain('is gone, and its write-ahead log is not');
    await again.close();
  });

  test('[P7] goes on by itself once the file is put back, and the copy is gone', async () => {
    const log = await openLog();
    await append(log, 'a');
    const aside = `${dataDir}-aside`;
    mkdirSync(aside);
    for (const ending of ENDINGS) renameSync(file + ending, join(aside, basename(file) + ending));
    await eventually(() => expect(rescuedCopies(file)).toHaveLength(1));
    await eventually(() =>
      expect(log.health()).toMatchObject({ up: false, fileTrouble: expect.stringContaining('.rescued-') }),
    );
    for (const ending of ENDINGS) renameSync(join(aside, basename(file) + ending), file + ending);
    await append(log, 'b');
    await eventually(() => expect(log.health()).toEqual({ up: true, detail: '', fileTrouble: undefined }));
    expect(await keysOf(log)).toEqual(['a', 'b']);
    expect(rescuedCopies(file)).toEqual([]);
    await log.close();
  });

  test('[P1] [P2] of a link, that is what it names, on a disk of its own', async () => {
    const disk = `${dataDir}-disk`;
    for (const folder of [dataDir, disk]) mkdirSync(folder);
    symlinkSync(join(disk, 'log'), file);
    const log = await openLog();
    await append(log, 'a');
    expect(readdirSync(disk)).toEqual(['log', 'log-shm', 'log-wal']);
    rmSync(join(disk, 'log-wal'));
    await eventually(() =>
      expect(append(log, 'b', 300)).rejects.toMatchObject({
        message: expect.stringContaining(`${join(disk, 'log-wal')} was deleted`),
      }),
    );
    for (const ending of ['', '-shm']) rmSync(join(disk, `log${ending}`));
    await log.close();
    const again = await openLog();
    expect(await keysOf(again)).toEqual(['a']);
    expect(readdirSync(disk)).toEqual(['log', 'log-shm', 'log-wal']);
    await again.close();
  });

  test.each([
    ['removed', () => undefined],
    ['pointed to another file', () => symlinkSync(`${dataDir}-disk/other`, file)],
  ])(
    '[P1] [P2] a link that is %s: nothing more is acknowledged, and a restart finds what was',
    async (_what, link) => {
      for (const folder of [dataDir, `${dataDir}-disk`]) mkdirSync(folder);
      symlinkSync(`${dataDir}-disk/log`, file);
      const log = await openLog();
      await append(log, 'a');
      rmSync(file);
      link();
      await eventually(() =>
        expect(append(log, 'b', 300)).rejects.toMatchObject({
          message: expect.stringContaining(`${file} was`),
        }),
      );
      await log.close();
      const again = await openLog();
      expect(await keysOf(again)).toEqual(['a']);
      await append(again, 'c');
      expect(rescuedCopies(file)).toEqual([]);
      await again.close();
    },
  );

  test('[P10] a command that finds no file says so, and makes none', async () => {
    prepareFolder(dataDir, true);
    await expect(
      openEmbeddedEventLog(
        { dataDir, role: 'beside', maxBytes: 1e9 },
        {
          log: createLogger({ name: 'test', level: 'silent' }),
          metrics: new Registry(),
          now: Date.now,
          random: Math.random,
        },
      ),
    ).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining('no event log') });
    for (const access of ['write', 'read'] as const) expect(() => openLogFile(file, access)).toThrow();
    expect(readdirSync(dirname(file))).toEqual(['locks']);
  });
});

test('[P1] a file that goes while a commit is written: what was written is not told to be durable', () => {
  prepareFolder(dataDir, true);
  prepareLogFile(dataDir, { maxBytes: 1e9, nowMs: 0 });
  const open = () => {
    const writer = new LogWriter(openLogFile(file, 'write'), { file });
    writer.ensureTopics([TOPIC]);
    return writer;
  };
  using log = new MendedFile({ file, followsPath: false, open });
  log.use((writer) => {
    const commit = writer.commit.bind(writer);
    writer.commit = (request) => {
      const result = commit(request);
      expect(result.segments).toMatchObject([{ kind: 'durable' }]);
      rmSync(file);
      return result;
    };
  });
  const packer = new RecordPacker();
  packer.add({ topic: TOPIC.name, key: 'a', value: Buffer.from('1'), headers: {} });
  const payload = packer.build();
  const segment = { topic: TOPIC.name, records: 1, timestamp: 0, owed: false, payload };
  const result = commitWhereItStands(log, { segments: [segment], offsets: [], seenMs: null, probeBytes: 0 });
  expect(result).toMatchObject({
    segments: [{ kind: 'refused', failure: { cause: 'displaced' }, payload }],
    failure: { cause: 'displaced' },
  });
});
