import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import {
  captureIo,
  openTestLog,
  type TestLog,
  TOPICS,
  testDeps,
} from '#processors/dead-letters/testing/log-with-letters.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { runOffsets } from './command.ts';

const GROUP = 'telemetry-writer';
const topic = TOPICS.telemetry;
let under: TestLog;

beforeEach(async () => {
  under = await openTestLog();
});
afterEach(() => under[Symbol.asyncDispose]());

async function offsets(...argv: readonly string[]) {
  const { io, out, err } = captureIo(argv, { DATA_DIR: under.dataDir });
  const code = await runOffsets(io, {
    now: Date.now,
    openLog: ({ dataDir, embeddedMaxBytes: maxBytes }) =>
      openEmbeddedEventLog({ dataDir, role: 'beside', maxBytes }, testDeps()),
  });
  return { code, out: out(), err: err() };
}

const append = (count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      under.log.append(
        { topic, key: 'dev-1', value: Buffer.from(String(i)), headers: {} },
        performance.now() + 30_000,
      ),
    ),
  );
const committed = async () => (await under.log.progress(topic, GROUP))[0]?.committedOffset;

/** A group that came to the end. */
const consume = async () => {
  const subscription = await under.log.subscribe({
    topic,
    group: GROUP,
    maxBatchRecords: 100,
    maxBatchBytes: 1e6,
    onBatch: async () => undefined,
  });
  await eventually(async () => expect((await under.log.progress(topic, GROUP))[0]?.backlog).toBe(0));
  return subscription;
};

describe('npm run offsets', () => {
  test('moves a stopped group to a time, the beginning or the end; a dry run moves nothing', async () => {
    await append(4);
    await (await consume()).close();
    const records = await Array.fromAsync(under.log.read(topic));
    await eventually(() => expect(Date.now()).toBeGreaterThan((records.at(-1)?.timestamp ?? 0) + 1));
    const between = new Date().toISOString();
    await append(3);
    expect(await offsets('--to', 'beginning', '--dry-run')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/Dry run.*4 records to be handled again, 0 records left out.*0 +4 +0/s),
    });
    expect(await committed()).toBe(4);
    expect((await offsets('--to', 'end')).out).toMatch(/0 records to be handled again, 3 records left out/);
    expect(await committed()).toBe(7);
    const moved = await offsets('--to', between, '--json');
    expect(JSON.parse(moved.out)).toEqual({
      topic,
      group: GROUP,
      dryRun: false,
      moves: [{ partition: 0, from: 7, to: 4 }],
    });
    expect(await committed()).toBe(4);
    expect((await offsets('--to', 'beginning')).code).toBe(0);
    expect(await committed()).toBe(0);
  });

  test('leaves a group alone that is at work, and says so', async () => {
    await append(2);
    await using _subscription = await consume();
    const { code, err } = await offsets('--to', 'beginning');
    expect(code).toBe(1);
    expect(err).toMatch(/telemetry-writer has a member: stop the pipeline first/);
    expect(await committed()).toBe(2);
  });

  test('[P10] a wrong time exits 2', async () => {
    expect(await offsets('--to', 'soon')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected an age'),
    });
    expect((await offsets()).code).toBe(2);
  });
});
