import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { TopicNames } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { DeadLetterMonitor } from './monitor.ts';
import { appendLetters, ensureTestTopics, letterFor, reading, testDeps } from './testing/log-with-letters.ts';
import { readAll, replayedLetters, runDlq, seqOf, startDlq } from './testing/run-replay.ts';
import { greenhouseReading, schemaFolder } from './testing/schema-folder.ts';

const missing = missingReason(inject('kafka'));
const hasKcat = spawnSync('kcat', ['-V']).status === 0;

/** The same stories as on the embedded log, told by the command against a real Kafka. */
describe.skipIf(missing)('dead letters on Kafka', () => {
  let brokers: readonly string[];
  let log: EventLog;
  let topics: TopicNames;
  beforeAll(async () => {
    ({ brokers } = required(inject('kafka')));
    log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: 'dead-letters-test', topicPartitions: 3 },
      testDeps(),
    );
  });
  afterAll(() => log.close());

  const prepare = async (): Promise<Record<string, string>> => {
    const name = `dlq-test-${randomBytes(4).toString('hex')}`;
    topics = { telemetry: name, deadLetters: `${name}.dlq`, deadLetterState: `${name}.dlq.state` };
    await ensureTestTopics(log, topics);
    return {
      KAFKA_BROKERS: brokers.join(','),
      TELEMETRY_TOPIC: topics.telemetry,
      DEAD_LETTER_TOPIC: topics.deadLetters,
      DEAD_LETTER_STATE_TOPIC: topics.deadLetterState,
    };
  };
  const listed = async (env: Record<string, string>, ...argv: string[]) => {
    const { out } = await runDlq(['list', '--json', ...argv], env);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };

  test('[P2] [P3] a replay killed with SIGKILL half way and run again: every reading is back, none is pending', async () => {
    using schemas = schemaFolder();
    const env = { ...(await prepare()), SCHEMA_DIR: schemas.folder };
    const letters = Array.from({ length: 1_000 }, (_, seq) =>
      letterFor(`dev-${seq % 10}`, greenhouseReading(seq)),
    );
    await appendLetters(log, letters, topics);
    schemas.addGreenhouse();
    const dryRun = await runDlq(['replay', '--dry-run', '--json'], env);
    expect(JSON.parse(dryRun.out)).toMatchObject({ letters: 1_000, passed: 1_000 });

    // Slow enough to be still at it when the second one, which has yet to start, asks.
    const replay = startDlq(['replay', '--rate', '10'], env);
    await eventually(async () => expect((await replayedLetters(log, topics)).size).toBeGreaterThan(70), {
      withinMs: 60_000,
    });
    const second = await runDlq(['replay'], env);
    expect(second.err).toContain('another command or console changes dead letters');
    expect(second.code).toBe(1);
    replay.kill('SIGKILL');
    await replay.ended;
    const done = await replayedLetters(log, topics);
    expect(done.size).toBeLessThan(1_000);

    const again = await runDlq(['replay', '--json'], env);
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({ passed: 1_000 - done.size });
    const records = await readAll(log, topics.telemetry);
    expect(new Set(records.map(seqOf)).size).toBe(1_000);
    expect(records.length).toBeLessThanOrEqual(1_064);
    expect(await listed(env)).toEqual([]);
    expect(await listed(env, '--all')).toHaveLength(1_000);
  });

  test.skipIf(!hasKcat)(
    'kcat shows the headers; a foreign record harms nothing; a poison letter ends parked',
    async () => {
      const env = await prepare();
      const kcat = (args: readonly string[], input = ''): string =>
        execFileSync('kcat', ['-b', brokers.join(','), '-m', '20', ...args], { input, encoding: 'utf8' });
      await appendLetters(
        log,
        [letterFor('dev-1', reading(1, { schema: 'poison/1' }), { index: 3 })],
        topics,
      );
      kcat(
        ['-P', '-t', topics.deadLetters, '-k', 'stranger', '-H', 'dlq.reason=sold'],
        '\u0001\u0002 random bytes',
      );

      const headers = kcat(['-C', '-e', '-q', '-t', topics.deadLetters, '-f', '%k %h\n']);
      expect(headers).toMatch(
        /dev-1 dlq\.reason=unknown-schema,dlq\.detail=\{"schema":"poison\/1"\},dlq\.stage=gateway,dlq\.attempt=0/,
      );
      expect(headers).toContain('dlq.index=3');
      expect((await listed(env)).map(({ device, reason }) => [device, reason]).toSorted()).toEqual([
        ['dev-1', 'unknown-schema'],
        ['stranger', 'undecodable-record'],
      ]);

      const summaries = [];
      for (let i = 0; i < 4; i++) summaries.push(JSON.parse((await runDlq(['replay', '--json'], env)).out));
      expect(
        summaries.map(({ failedAgain, parked, leftParked }) => [failedAgain, parked, leftParked]),
      ).toEqual([
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]);
      expect(summaries.every(({ unreplayable }) => unreplayable === 1)).toBe(true);
      const parked = kcat(['-C', '-e', '-q', '-t', topics.deadLetters, '-f', '%k %h\n']);
      expect(parked).toMatch(/dlq\.reason=replay-limit/);
      expect(parked).toMatch(/dlq\.original-reason=unknown-schema/);

      const deps = { ...testDeps(), eventLog: log };
      const monitor = new DeadLetterMonitor({ topics, retentionMs: 3_600_000 }, deps);
      await monitor.look(new AbortController().signal);
      const pending = (await deps.metrics.getSingleMetric('dead_letters_pending')?.get())?.values ?? [];
      expect(pending.filter(({ value }) => value > 0).map(({ labels }) => labels.reason)).toEqual([
        'undecodable-record',
        'replay-limit',
      ]);
    },
  );
});
