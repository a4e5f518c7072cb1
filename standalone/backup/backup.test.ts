import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import { captureIo } from '#processors/dead-letters/testing/log-with-letters.ts';
import {
  depsWith,
  PipelineUnderTest,
  reading,
} from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import { runBackup, runRestore } from './command.ts';

const HOUR_MS = 3_600_000;
let root: string;
let dataDir: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'backup-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  dataDir = path.join(root, 'data');
  folder = path.join(root, 'backup');
});

/** A pipeline that owns the files of a folder. */
async function own(dataDir: string) {
  const log = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, depsWith(new Registry()));
  const store = await openEmbeddedTelemetryStore({ dataDir, retentionDays: 90 }, depsWith(new Registry()));
  const close = async () => {
    await log.close();
    await store.close();
  };
  onTestFinished(close);
  return { log, store, close };
}

async function command(
  run: typeof runBackup,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = { DATA_DIR: dataDir },
) {
  const { io, out, err } = captureIo(argv, env);
  const code = await run(io, Date.now);
  return { code, out: out(), err: err() };
}
const backup = (...more: string[]) => command(runBackup, ['--to', folder, ...more]);
const restore = (into: string, ...more: string[]) =>
  command(runRestore, ['--from', folder, ...more], { DATA_DIR: into });

/** Files of a stopped pipeline with one stored reading, and a backup of them. */
async function backedUp(): Promise<void> {
  const { log, store, close } = await own(dataDir);
  const pipeline = await new PipelineUnderTest(log, store).createTopics();
  await pipeline.append('dev-1', reading(0));
  await close();
  expect((await backup()).code).toBe(0);
}

describe('npm run backup, npm run restore', () => {
  test('[P2] [P8] taken under load and restored: what was acknowledged before is there, and the books close', async () => {
    const { log, store } = await own(dataDir);
    const pipeline = await new PipelineUnderTest(log, store).createTopics();
    const writer = await pipeline.startWriter();
    onTestFinished(() => writer.stop());
    let acknowledged = 0;
    let goOn = true;
    const load = (async () => {
      for (let next = 0; goOn; next += 200) {
        await pipeline.append(
          `dev-${next % 7}`,
          Array.from({ length: 200 }, (_, i) => reading(next + i)),
        );
        acknowledged = next + 200;
      }
    })();
    await eventually(() => expect(writer.accounting().stored).toBeGreaterThan(10_000));
    const before = acknowledged;
    const taken = await backup('--json');
    expect(taken.code).toBe(0);
    // Under load indeed, from its beginning to its end.
    const after = acknowledged;
    goOn = false;
    await load;
    expect(after).toBeGreaterThan(before);
    await writer.stop();

    const restored = path.join(root, 'restored');
    expect(await restore(restored)).toMatchObject({ code: 0, err: '' });
    const again = await own(restored);
    const resumed = new PipelineUnderTest(again.log, again.store);
    Object.assign(resumed, { topics: pipeline.topics, group: pipeline.group });
    const found = async () =>
      new Set(
        (await Array.fromAsync(again.store.scan({ fromMs: 0, toMs: Date.now() + HOUR_MS }))).map(
          ({ seq }) => seq,
        ),
      );
    // What the log's copy calls done is in the store's copy, before anything runs.
    const [{ committedOffset = 0 } = {}] = await again.log.progress(
      pipeline.topics.telemetry,
      pipeline.group,
    );
    expect(committedOffset).toBeGreaterThan(0);
    const stored = await found();
    for (let seq = 0; seq < committedOffset * 200; seq++) expect(stored.has(seq)).toBe(true);
    const second = await resumed.startWriter();
    onTestFinished(() => second.stop());
    await eventually(async () => expect(await resumed.backlog()).toBe(0));
    const all = await found();
    const missing = Array.from({ length: before }, (_, seq) => seq).filter((seq) => !all.has(seq));
    expect(missing).toEqual([]);
    await second.stop();
  });

  test('a stopped pipeline too; nobody else may read the copies; --check changes nothing', async () => {
    await backedUp();
    expect(readdirSync(folder).sort()).toEqual(['backup.json', 'event-log.sqlite', 'telemetry-store.db']);
    for (const file of readdirSync(folder)) expect(statSync(path.join(folder, file)).mode & 0o077).toBe(0);
    expect(statSync(folder).mode & 0o077).toBe(0);
    const elsewhere = path.join(root, 'elsewhere');
    expect((await restore(elsewhere, '--check')).out).toMatch(
      /Whole and sound.*1 record in the log, 0 points,/,
    );
    expect(existsSync(elsewhere)).toBe(false);
  });

  test('an interrupted backup is none; the next one begins anew', async () => {
    await backedUp();
    rmSync(folder, { recursive: true });
    // As a kill in the middle leaves it.
    mkdirSync(`${folder}.partial`);
    writeFileSync(path.join(`${folder}.partial`, 'event-log.sqlite'), 'half');
    expect((await restore(path.join(root, 'x'))).err).toMatch(/no whole backup/);
    expect((await backup()).code).toBe(0);
    expect((await restore(path.join(root, 'x'))).code).toBe(0);
    expect((await backup()).err).toMatch(/exists and is not empty/);
  });

  test('one that failed leaves nothing: the disk may be full', async () => {
    const { code, err } = await backup();
    expect([code, err]).toEqual([2, expect.stringContaining('there is no event log')]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('refuses over files that are there, and beside a running pipeline; --force sets the files aside', async () => {
    await backedUp();
    const refused = await restore(dataDir);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/event-log\.sqlite.*--force/);
    writeFileSync(path.join(dataDir, 'reprocess-0123456789ab.json'), '{}');
    const { close } = await own(dataDir);
    expect((await restore(dataDir, '--force')).err).toMatch(/a pipeline is running.*stop it first/);
    await close();
    const before = readFileSync(path.join(dataDir, 'event-log.sqlite'));
    const { code, out } = await restore(dataDir, '--force');
    expect(code).toBe(0);
    const aside = /Set aside: (\S+event-log\.sqlite\.before-restore-\S+)/.exec(out)?.[1] as string;
    expect(readFileSync(aside)).toEqual(before);
    expect(readdirSync(dataDir).filter((file) => /^reprocess|restoring$/.test(file))).toEqual([]);
    await (await own(dataDir)).close();
  });

  test('files that are links to another disk keep their names in a backup, and are put back on their disk', async () => {
    const onDisk = (name: string) => path.join(root, `disk of ${name}`, 'iot.db');
    mkdirSync(dataDir);
    for (const name of ['event-log.sqlite', 'telemetry-store.db']) {
      mkdirSync(path.dirname(onDisk(name)));
      symlinkSync(onDisk(name), path.join(dataDir, name));
    }
    await backedUp();
    expect(readdirSync(folder).sort()).toEqual(['backup.json', 'event-log.sqlite', 'telemetry-store.db']);
    expect((await restore(dataDir, '--force')).code).toBe(0);
    for (const name of ['event-log.sqlite', 'telemetry-store.db'])
      expect(readFileSync(onDisk(name))).toEqual(readFileSync(path.join(folder, name)));
    await (await own(dataDir)).close();
  });

  test.each<[string, (file: string) => void]>([
    ['cut', (file) => truncateSync(file, 4096)],
    [
      'changed',
      (file) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 100] = (bytes[bytes.length - 100] as number) ^ 1;
        writeFileSync(file, bytes);
      },
    ],
    ['missing', (file) => rmSync(file)],
  ])('a file of the backup that is %s is told, and nothing is restored', async (_, harm) => {
    await backedUp();
    harm(path.join(folder, 'telemetry-store.db'));
    const into = path.join(root, 'into');
    const { code, err } = await restore(into);
    expect(code).toBe(2);
    expect(err).toMatch(/telemetry-store\.db cannot be restored/);
    expect(existsSync(into)).toBe(false);
  });

  test('a damaged source is told instead of copied quietly', async () => {
    const { log, store, close } = await own(dataDir);
    const pipeline = await new PipelineUnderTest(log, store).createTopics();
    for (let i = 0; i < 50; i++)
      await pipeline.append(
        'dev-1',
        Array.from({ length: 100 }, (_, n) => reading(n)),
      );
    await close();
    const file = path.join(dataDir, 'event-log.sqlite');
    const bytes = readFileSync(file);
    bytes.fill(0xff, 8 * 4096, 40 * 4096);
    writeFileSync(file, bytes);
    const { code, err } = await backup();
    expect(code).not.toBe(0);
    expect(err).toMatch(/damaged|malformed/);
    expect(existsSync(folder)).toBe(false);
  });

  test('[P10] with Kafka there is nothing to copy; with InfluxDB the log alone, and what to do about the store', async () => {
    const kafka = await command(runBackup, ['--to', folder], { KAFKA_BROKERS: '127.0.0.1:1' });
    expect(kafka).toMatchObject({ code: 2, err: expect.stringContaining('KAFKA_BROKERS') });
    await (await own(dataDir)).close();
    const influx = {
      INFLUX_URL: 'http://127.0.0.1:1',
      INFLUX_TOKEN: 't',
      INFLUX_ORG: 'o',
      INFLUX_BUCKET: 'b',
    };
    const { code, out } = await command(runBackup, ['--to', folder], { DATA_DIR: dataDir, ...influx });
    expect(code).toBe(0);
    expect(out).toMatch(/after the log/);
    expect(readdirSync(folder).sort()).toEqual(['backup.json', 'event-log.sqlite']);
    const nothing = await command(runBackup, ['--to', path.join(root, 'b')], {
      DATA_DIR: path.join(root, 'none'),
    });
    expect(nothing).toMatchObject({ code: 2, err: expect.stringContaining('there is no event log') });
  });
});
