import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  storeThat,
} from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import {
  type EmbeddedTelemetryStoreOptions,
  openEmbeddedTelemetryStore,
} from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { runReprocess } from './command.ts';

const MAIN = path.join(import.meta.dirname, 'main.ts');
const DAY_MS = 86_400_000;

let dataDir: string;
let pipeline: PipelineUnderTest;
let env: Readonly<Record<string, string>>;

/** A pipeline that owns its files, as `npm start` does. */
beforeEach(async () => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'reprocess-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const log = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, depsWith(new Registry()));
  onTestFinished(() => log.close());
  pipeline = await new PipelineUnderTest(log, await openStore()).createTopics();
  const { telemetry, deadLetters, deadLetterState } = pipeline.topics;
  env = {
    DATA_DIR: dataDir,
    TELEMETRY_TOPIC: telemetry,
    DEAD_LETTER_TOPIC: deadLetters,
    DEAD_LETTER_STATE_TOPIC: deadLetterState,
  };
});

async function openStore(options: Partial<EmbeddedTelemetryStoreOptions> = {}): Promise<TelemetryStore> {
  const store = await openEmbeddedTelemetryStore(
    { dataDir, retentionDays: 90, ...options },
    depsWith(new Registry()),
  );
  onTestFinished(() => store.close());
  return store;
}

/** The command in this process. `store` in the place of the one that it would open. */
async function run(
  argv: readonly string[],
  more: { store?: (it: TelemetryStore) => TelemetryStore; signal?: AbortSignal } = {},
) {
  const { io, out, err } = captureIo(['--json', ...argv], env, more);
  const deps = depsWith(new Registry());
  const code = await runReprocess(io, {
    deps,
    openLog: ({ dataDir, embeddedMaxBytes: maxBytes }) =>
      openEmbeddedEventLog({ dataDir, role: 'beside', maxBytes }, deps),
    openStore: async ({ dataDir, storeRetentionDays: retentionDays }) => {
      const guest = await openEmbeddedTelemetryStore({ dataDir, retentionDays, role: 'guest' }, deps);
      return more.store?.(guest) ?? guest;
    },
  });
  return { code, err: err(), report: code === 2 ? {} : JSON.parse(out()) };
}

const seqs = async (store = pipeline.store): Promise<number[]> =>
  (await Array.fromAsync(store.scan({ fromMs: 0, toMs: Date.now() + DAY_MS })))
    .map(({ seq }) => seq ?? -1)
    .sort((a, b) => a - b);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const progressFiles = (): string[] => readdirSync(dataDir).filter((file) => file.startsWith('reprocess-'));

describe('npm run reprocess', () => {
  test('[P2] [P3] [P8] fills the store beside its owner, again and again the same', async () => {
    for (const seq of range(30)) await pipeline.append(`dev-${seq % 3}`, reading(seq));
    await pipeline.append(
      'batch',
      range(20).map((i) => reading(30 + i)),
    );
    for (const _ of range(2)) {
      const { code, report } = await run(['--since', 'beginning']);
      expect(code).toBe(0);
      expect(report).toMatchObject({
        records: 31,
        read: 50,
        written: 50,
        skipped: 0,
        refused: 0,
        interrupted: false,
      });
      expect(await seqs()).toEqual(range(50));
    }
    expect(progressFiles()).toEqual([]);
  });

  test('gives points the tags that STORE_TAGS asks for now, from the labels of their records', async () => {
    const headers = { readings: '1', 'received-at': String(Date.now()), gateway: 'g' };
    const value = Buffer.from(JSON.stringify(reading(1)));
    await pipeline.appendForeign('dev-1', value, { ...headers, labels: '{"line":"2","site":"a"}' });
    env = { ...env, STORE_TAGS: 'site' };
    const written: unknown[] = [];
    const store = (it: TelemetryStore) =>
      storeThat(it, async (points) => {
        for (const { tags } of points) written.push(tags);
        return undefined;
      });
    expect(await run(['--since', 'beginning'], { store })).toMatchObject({ code: 0, report: { written: 1 } });
    expect(written).toEqual([[['site', 'a']]]);
  });

  test('chooses by time and device, and says what it leaves out', async () => {
    for (const seq of range(4)) await pipeline.append('dev-1', reading(seq));
    const records = await Array.fromAsync(pipeline.log.read(pipeline.topics.telemetry));
    // Until the log's clock goes on, so that later records are younger.
    await eventually(() => expect(Date.now()).toBeGreaterThan((records.at(-1)?.timestamp ?? 0) + 1));
    const between = new Date().toISOString();
    for (const seq of range(4)) await pipeline.append(`dev-${seq % 2}`, reading(4 + seq));
    expect((await run(['--since', between, '--device', 'dev-1', '--dry-run'])).report).toMatchObject({
      dryRun: true,
      read: 4,
      written: 2,
      skipped: 2,
    });
    expect(await seqs()).toEqual([]);
    expect((await run(['--since', between, '--device', 'dev-1'])).report).toMatchObject({
      read: 4,
      written: 2,
      skipped: 2,
    });
    expect(await seqs()).toEqual([5, 7]);
    expect((await run(['--since', '1d', '--until', between])).report).toMatchObject({ read: 4, written: 4 });
    expect(await seqs()).toEqual([0, 1, 2, 3, 5, 7]);
  });

  test('[P5] [P8] what is refused today is told with an example, the rest is written, no letter is made', async () => {
    await pipeline.append('dev-1', reading(0));
    await pipeline.append('dev-1', { ...reading(1), schema: 'gone/1' });
    await pipeline.append('dev-1', [reading(2), { ...reading(3), ts: Date.now() - 100 * DAY_MS }]);
    await pipeline.appendForeign('dev-1', Buffer.from('hello'));
    const { code, report } = await run(['--since', 'beginning']);
    expect(code).toBe(0);
    expect(report).toMatchObject({ read: 5, written: 2, refused: 3 });
    expect(report.why['unknown-schema']).toMatchObject({
      readings: 1,
      example: { offset: 1, device: 'dev-1' },
    });
    expect(report.why['store-rejected'].example.detail.message).toMatch(/retention/);
    expect(report.why['undecodable-record'].readings).toBe(1);
    expect(await seqs()).toEqual([0, 2]);
    expect(await pipeline.letters()).toEqual([]);
  });

  test('into another store, which the running one does not notice', async () => {
    for (const seq of range(5)) await pipeline.append('dev-1', reading(seq));
    const other = path.join(dataDir, 'other');
    expect((await run(['--since', 'beginning', '--into-dir', other])).report).toMatchObject({ written: 5 });
    expect(await seqs()).toEqual([]);
    expect(await seqs(await openStore({ dataDir: other }))).toEqual(range(5));
  });

  test('waits for a store that is away; interrupted, it goes on from there and counts each reading once', async () => {
    for (const seq of range(6)) await pipeline.append('dev-1', reading(seq));
    const interrupt = new AbortController();
    const away = (store: TelemetryStore) =>
      storeThat(store, async () => {
        interrupt.abort();
        return { kind: 'retry', cause: 'unreachable', detail: 'away' };
      });
    const first = await run(['--since', 'beginning'], { store: away, signal: interrupt.signal });
    expect(first.code).toBe(1);
    expect(first.report).toMatchObject({ interrupted: true, written: 0 });
    expect(progressFiles()).toHaveLength(1);
    // Written by the telemetry-writer, not by this run, whose end was fixed when it began.
    await pipeline.append('dev-1', reading(6));
    const second = await run(['--since', 'beginning']);
    expect(second.report).toMatchObject({
      interrupted: false,
      read: 6,
      written: 6,
      resumedFrom: expect.any(String),
    });
    expect(await seqs()).toEqual(range(6));
    expect(progressFiles()).toEqual([]);
  });

  test('[P2] [P8] killed, it goes on where it was: nothing is left out, nothing counted twice', async () => {
    const batch = 500;
    const batches = 120;
    await Promise.all(
      range(batches).map((b) =>
        pipeline.append(
          `dev-${b % 7}`,
          range(batch).map((i) => reading(b * batch + i)),
        ),
      ),
    );
    const start = (): ReturnType<typeof spawn> =>
      spawn(process.execPath, [MAIN, '--since', 'beginning', '--rate', '2000', '--json'], {
        env: { PATH: process.env['PATH'], ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    const killed = start();
    const ended = once(killed, 'close');
    const readings = (): number => {
      const [file] = progressFiles().filter((name) => name.endsWith('.json'));
      return file === undefined
        ? 0
        : JSON.parse(readFileSync(path.join(dataDir, file), 'utf8')).progress.tally.read;
    };
    await eventually(() => expect(readings()).toBeGreaterThan(0));
    killed.kill('SIGKILL');
    await ended;
    const before = readings();
    expect(before).toBeLessThan(batches * batch);
    expect((await run(['--since', 'beginning', '--rate', '1000000'])).report).toMatchObject({
      records: batches,
      read: batches * batch,
      written: batches * batch,
      resumedFrom: expect.any(String),
    });
    expect(await seqs()).toEqual(range(batches * batch));
  });

  test('a log that was made anew since: the run begins anew', async () => {
    for (const seq of range(3)) await pipeline.append('dev-1', reading(seq));
    const interrupt = AbortSignal.abort();
    await run(['--since', 'beginning'], { signal: interrupt });
    const [file] = progressFiles();
    const kept = JSON.parse(readFileSync(path.join(dataDir, file ?? ''), 'utf8'));
    kept.progress.partitions[0] = { partition: 0, from: 0, next: 900, end: 1_000 };
    writeFileSync(path.join(dataDir, file ?? ''), JSON.stringify(kept));
    expect((await run(['--since', 'beginning'])).report).toMatchObject({ written: 3, resumedFrom: null });
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no time', [], /--since/],
    ['a wrong time', ['--since', 'soon'], /expected an age/],
    ['a bucket without InfluxDB', ['--since', '1h', '--into-bucket', 'b'], /INFLUX_URL/],
    ['two targets', ['--since', '1h', '--into-bucket', 'b', '--into-dir', 'd'], /one of them/],
    ['a wrong device', ['--since', '1h', '--device', 'a/b'], /device id/],
    [
      'times in the wrong order',
      ['--since', '1h', '--until', '2h'],
      /--until: expected a time after --since/,
    ],
  ])('[P10] %s: says what it expects, exits 2', async (_, argv, message) => {
    const { code, err } = await run(argv);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    expect(existsSync(path.join(dataDir, 'd'))).toBe(false);
  });

  test('[P10] a file of progress that cannot be read is named; --restart begins anew', async () => {
    await pipeline.append('dev-1', reading(0));
    await run(['--since', 'beginning'], { signal: AbortSignal.abort() });
    writeFileSync(path.join(dataDir, progressFiles()[0] ?? ''), '{');
    const refused = await run(['--since', 'beginning']);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/reprocess-.*--restart/);
    expect((await run(['--since', 'beginning', '--restart'])).report).toMatchObject({ written: 1 });
  });
});
