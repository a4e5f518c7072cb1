import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import { depsWith, PipelineUnderTest, reading } from './testing/pipeline-under-test.ts';

/*
 * A batch has two commits: its points into the store, its offset into the log. A power cut or a kill between them must
 * find the points durable and the offset not there; the other way round acknowledged readings would be gone.
 */

/** A writer that stops for ever around its write into the store, and says that it is there. */
const WRITER = `
  import { Registry } from 'prom-client';
  import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
  import { depsWith, storeThat } from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
  import { startTelemetryWriter } from '#processors/telemetry-writer/telemetry-writer.ts';
  import { loadSchemas } from '#runtime/load-schemas.ts';
  import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
  const [, dataDir, telemetryTopic, deadLetterTopic, group, where] = process.argv;
  const deps = depsWith(new Registry());
  const eventLog = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, deps);
  const real = await openEmbeddedTelemetryStore({ dataDir, retentionDays: 90 }, deps);
  const store = storeThat(real, async (points) => {
    if (where === 'after') await real.write(points);
    process.stdout.write('here');
    await new Promise(() => undefined);
  });
  await startTelemetryWriter(
    { telemetryTopic, deadLetterTopic, group, rejectAll: 'pause' },
    { ...deps, eventLog, store, schemas: loadSchemas() },
  );`;

const READINGS = 50;

test.each([
  { where: 'before', stored: 0 },
  { where: 'after', stored: READINGS },
])(
  '[P2] [P3] killed $where the commit of the points: the offset is not committed, and every reading is stored once',
  async ({ where, stored }) => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'commit-order-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    let pipeline = await open(dataDir);
    await pipeline.createTopics();
    for (let i = 0; i < READINGS; i++) await pipeline.append('dev-1', reading(i));
    await close(pipeline);

    const { topics, group } = pipeline;
    await killWriter(dataDir, [topics.telemetry, topics.deadLetters, group, where]);

    pipeline = Object.assign(await open(dataDir), { topics, group });
    expect(await pipeline.backlog()).toBe(READINGS);
    expect(await pipeline.stored('dev-1')).toHaveLength(stored);
    const writer = await pipeline.startWriter();
    await eventually(async () => expect(await pipeline.backlog()).toBe(0));
    expect(await pipeline.stored('dev-1')).toHaveLength(READINGS);
    await writer.stop();
    await close(pipeline);
  },
);

async function killWriter(dataDir: string, parameters: readonly string[]): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', WRITER, '--', dataDir, ...parameters],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exit = once(child, 'exit');
  expect(String((await once(child.stdout, 'data'))[0])).toBe('here');
  child.kill('SIGKILL');
  expect(await exit).toEqual([null, 'SIGKILL']);
}

async function open(dataDir: string): Promise<PipelineUnderTest> {
  const log = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, depsWith(new Registry()));
  const store = await openEmbeddedTelemetryStore({ dataDir, retentionDays: 90 }, depsWith(new Registry()));
  return new PipelineUnderTest(log, store);
}

async function close({ log, store }: PipelineUnderTest): Promise<void> {
  await log.close();
  await store.close();
}
