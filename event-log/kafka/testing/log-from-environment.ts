import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, vi } from 'vitest';
import type { EventLog, TopicSettings } from '#event-log/event-log.ts';
import { openEventLog } from '#event-log/open-event-log.ts';
import { readSettings } from '#runtime/settings.ts';
import { eventually } from '#runtime/testing/eventually.ts';

export type Environment = Readonly<Record<string, string>>;

/** The event log as a process with these variables opens it. */
function logFromEnvironment(env: Environment): Promise<EventLog> {
  const { settings } = readSettings(env, (path) => readFileSync(path, 'utf8'));
  const log = pino({ level: 'silent' });
  return openEventLog(settings, 'owner', {
    log,
    metrics: new Registry(),
    now: Date.now,
    random: Math.random,
  });
}

/** Everything that goes over a connection: topics, appending, reading, consuming in a group, its progress. */
export async function expectToCarryRecords(env: Environment, topic: string): Promise<void> {
  await using log = await logFromEnvironment(env);
  await log.ensureTopics([settingsOf(topic)]);
  await log.append(reading(topic), performance.now() + 60_000);
  expect(await Array.fromAsync(log.read(topic))).toHaveLength(1);
  const onBatch = vi.fn(async () => undefined);
  await using _ = await log.subscribe({
    topic,
    group: topic,
    maxBatchRecords: 10,
    maxBatchBytes: 1_000,
    onBatch,
  });
  await eventually(() => expect(onBatch).toHaveBeenCalledOnce());
  const partition = { endOffset: 1, committedOffset: 1, backlogSince: null };
  await eventually(async () =>
    expect((await log.progress(topic, topic)).filter(({ endOffset }) => endOffset > 0)).toMatchObject([
      partition,
    ]),
  );
  expect(log.health()).toEqual({ up: true, detail: '' });
}

/**
 * [P10] What an operator has to put right is named, as a configuration error; nothing is taken for durable meanwhile,
 * and nothing crashes.
 *
 * @param found what the error says, and the health
 */
export async function expectToBeRefused(
  env: Environment,
  found: { readonly error: RegExp; readonly health: RegExp },
): Promise<void> {
  await using log = await logFromEnvironment(env);
  await expect(log.ensureTopics([settingsOf('refused')])).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(found.error),
  });
  await expect(log.append(reading('refused'), performance.now() + 300)).rejects.toMatchObject({
    code: 'not-durable',
  });
  await eventually(() =>
    expect(log.health()).toEqual({ up: false, detail: expect.stringMatching(found.health) }),
  );
}

const settingsOf = (name: string): TopicSettings => ({ name, cleanup: 'delete', retentionMs: 3_600_000 });
const reading = (topic: string) => ({
  topic,
  key: 'device-1',
  value: Buffer.from('21.5'),
  headers: {},
});
