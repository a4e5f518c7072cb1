import { expect, test } from 'vitest';
import { startTelemetryWriter } from '#processors/telemetry-writer/telemetry-writer.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import type { StoredReading } from '#telemetry-store/telemetry-store.ts';
import {
  appendLetters,
  letterFor,
  openTestLog,
  type TestLog,
  TOPICS,
  testDeps,
} from './testing/log-with-letters.ts';
import { readAll, replayedLetters, runDlq, seqOf, startDlq } from './testing/run-replay.ts';
import { greenhouseReading, schemaFolder } from './testing/schema-folder.ts';

/** A process of its own starts, and works. */
const PROCESS_MS = 180_000;

/** What is in the store after the writer has taken in the whole telemetry topic. */
async function storedReadings({ dataDir, log }: TestLog, schemaDir: string): Promise<StoredReading[]> {
  const deps = testDeps();
  await using store = await openEmbeddedTelemetryStore({ dataDir, role: 'owner', retentionDays: 90 }, deps);
  const group = 'telemetry-writer';
  await using _writer = await startTelemetryWriter(
    { telemetryTopic: TOPICS.telemetry, deadLetterTopic: TOPICS.deadLetters, group, rejectAll: 'pause' },
    { ...deps, eventLog: log, store, schemas: loadSchemas({ schemaDir }) },
  );
  await eventually(async () => {
    const [progress] = await log.progress(TOPICS.telemetry, group);
    expect(progress?.committedOffset).toBe(progress?.endOffset);
  });
  return await Array.fromAsync(store.scan({ fromMs: 0, toMs: Date.now() + 60_000 }));
}

/**
 * Aim: the story of issue 5, told by the command itself. 1,000 readings of a type without schema; the schema is added;
 * a replay is killed under way and run again. Method: real processes beside an open log; the moment of the kill is
 * chosen by what the state topic says.
 */
test('[P2] [P3] a replay killed with SIGKILL under way and run again: every reading is stored once, none is pending', async () => {
  await using under = await openTestLog();
  using schemas = schemaFolder();
  const env = { DATA_DIR: under.dataDir, SCHEMA_DIR: schemas.folder };
  const letters = Array.from({ length: 1_000 }, (_, seq) =>
    letterFor(`dev-${seq % 10}`, greenhouseReading(seq)),
  );
  await appendLetters(under.log, letters);

  const before = await runDlq(['replay', '--dry-run', '--json'], env);
  expect(JSON.parse(before.out)).toMatchObject({ letters: 1_000, passed: 0, failedAgain: 1_000 });
  schemas.addGreenhouse();
  const dryRun = await runDlq(['replay', '--dry-run', '--json'], env);
  expect(JSON.parse(dryRun.out)).toMatchObject({ letters: 1_000, passed: 1_000, failedAgain: 0 });

  // So slow that the end is most of a minute away when it is killed.
  const replay = startDlq(['replay', '--rate', '20'], env);
  await eventually(async () => expect((await replayedLetters(under.log, TOPICS)).size).toBeGreaterThan(20), {
    withinMs: PROCESS_MS,
  });
  replay.kill('SIGKILL');
  await replay.ended;
  const done = await replayedLetters(under.log, TOPICS);
  expect(done.size).toBeLessThan(1_000);

  const again = await runDlq(['replay', '--json'], env);
  expect(again).toMatchObject({ code: 0 });
  expect(JSON.parse(again.out)).toMatchObject({ letters: 1_000 - done.size, passed: 1_000 - done.size });

  const records = await readAll(under.log, TOPICS.telemetry);
  expect(new Set(records.map(seqOf))).toEqual(new Set(Array.from({ length: 1_000 }, (_, seq) => seq)));
  // Only what was in flight when it died may be there twice.
  expect(records.length).toBeLessThanOrEqual(1_064);
  expect(await storedReadings(under, schemas.folder)).toHaveLength(1_000);
  expect((await runDlq(['list', '--json'], env)).out).toBe('');
  const all = (await runDlq(['list', '--all', '--json'], env)).out.trim().split('\n');
  expect(all.map((line) => JSON.parse(line).status)).toEqual(Array(1_000).fill('replayed'));
});

test('SIGINT ends a replay after what is in flight, says so, and exits 1', async () => {
  await using under = await openTestLog();
  using schemas = schemaFolder();
  schemas.addGreenhouse();
  const env = { DATA_DIR: under.dataDir, SCHEMA_DIR: schemas.folder };
  await appendLetters(
    under.log,
    Array.from({ length: 100 }, (_, seq) => letterFor('dev', greenhouseReading(seq))),
  );

  const replay = startDlq(['replay', '--rate', '2'], env);
  await eventually(async () => expect((await replayedLetters(under.log, TOPICS)).size).toBeGreaterThan(1), {
    withinMs: PROCESS_MS,
  });
  replay.kill('SIGINT');
  const { code, out } = await replay.ended;
  expect(code).toBe(1);
  expect(out).toContain('Interrupted');
  const done = await replayedLetters(under.log, TOPICS);
  expect(out).toContain(`${done.size} passed`);
  expect(await readAll(under.log, TOPICS.telemetry)).toHaveLength(done.size);
});
