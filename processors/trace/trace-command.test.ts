import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeDeadLetter } from '#contract/dead-letter.ts';
import { encodeLetterState } from '#contract/letter-state.ts';
import { encodeTelemetryRecord } from '#contract/telemetry-record.ts';
import { openEmbeddedEventLog } from '#event-log/embedded/open-embedded-event-log.ts';
import type { EventLog } from '#event-log/event-log.ts';
import {
  depsWith,
  PipelineUnderTest,
  reading,
} from '#processors/telemetry-writer/testing/pipeline-under-test.ts';
import { PipelineError } from '#runtime/errors.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { runTrace } from './trace-command.ts';

const RETENTION_DAYS = 30;
const TOO_OLD_MS = 31 * 86_400_000;
/** The beginning of a minute. */
const MAPPED_AT = Math.floor(Date.now() / 60_000) * 60_000;

let dataDir: string;
let log: EventLog;
let store: TelemetryStore;
let pipeline: PipelineUnderTest;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'trace-'));
  log = await openEmbeddedEventLog({ dataDir, role: 'owner', maxBytes: 1e9 }, depsWith(new Registry()));
  store = await openEmbeddedTelemetryStore(
    { dataDir, retentionDays: RETENTION_DAYS },
    depsWith(new Registry()),
  );
  pipeline = await new PipelineUnderTest(log, store).createTopics();

  await pipeline.append('dev-1', reading(0));
  await pipeline.append('other', reading(1));
  await pipeline.append('dev-1', [reading(1), reading(2, TOO_OLD_MS), reading(3)]);
  const overwritten = reading(4);
  await pipeline.append('dev-1', overwritten);
  await pipeline.append('dev-1', { ...overwritten, seq: 5 });
  const replaced = reading(6);
  await pipeline.append('dev-1', replaced, { replay: { attempt: 2, firstFailedAt: 1 } });
  const broken = '{"schema":"environment/1","seq":7,"values":{"temperature":"\u001b[31mhot"';
  const letter = await log.append(
    encodeDeadLetter(pipeline.topics.deadLetters, {
      deviceId: 'dev-1',
      payload: Buffer.from(broken),
      reason: 'malformed-json',
      detail: { message: 'no \u001b[31mJSON' },
      stage: 'gateway',
      attempt: 0,
      firstFailedAt: 1,
      receivedAt: 1,
    }),
    performance.now() + 60_000,
  );
  const dismissed = { outcome: 'dismissed', at: 1, attempt: 0 } as const;
  await log.append(
    encodeLetterState(pipeline.topics.deadLetterState, letter, dismissed),
    performance.now() + 60_000,
  );
  for (const [topic, ts] of [
    ['tele/boiler/SENSOR', MAPPED_AT],
    ['tele/boiler/SENSOR', MAPPED_AT + 999],
  ] as const) {
    const value = Buffer.from(
      JSON.stringify({ schema: 'environment/1', ts, values: { temperature: 1, humidity: 2 } }),
    );
    const mapped = { topic, rule: { source: 'tasmota', topic: 'tele/{device}/SENSOR' } };
    const record = { deviceId: 'boiler', value, readings: 1, receivedAt: ts, gateway: 'test', mapped };
    await log.append(encodeTelemetryRecord(pipeline.topics.telemetry, record), performance.now() + 60_000);
  }
  await log.append(
    encodeDeadLetter(pipeline.topics.deadLetters, {
      deviceId: 'kettle',
      payload: Buffer.from('{"Temperature":"hot"}'),
      reason: 'mapping-failed',
      detail: { errors: [{ path: '/Temperature', message: 'must be a number' }] },
      stage: 'gateway',
      attempt: 0,
      firstFailedAt: MAPPED_AT,
      receivedAt: MAPPED_AT,
      mqttTopic: 'tele/kettle/SENSOR',
    }),
    performance.now() + 60_000,
  );
  const writer = await pipeline.startWriter();
  await eventually(async () => expect(await pipeline.backlog()).toBe(0));
  await writer.stop();
  await pipeline.append('dev-1', reading(8));
});
afterAll(async () => {
  await log.close();
  await store.close();
  await rm(dataDir, { recursive: true });
});

async function trace(
  argv: readonly string[],
  openStore = () =>
    openEmbeddedTelemetryStore(
      { dataDir, role: 'beside', retentionDays: RETENTION_DAYS },
      depsWith(new Registry()),
    ),
) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const env = {
    DATA_DIR: dataDir,
    CONSUMER_GROUP: pipeline.group,
    TELEMETRY_TOPIC: pipeline.topics.telemetry,
    DEAD_LETTER_TOPIC: pipeline.topics.deadLetters,
    DEAD_LETTER_STATE_TOPIC: pipeline.topics.deadLetterState,
  };
  const code = await runTrace(
    { argv, env, stdout, stderr, signal: new AbortController().signal },
    {
      openLog: () =>
        openEmbeddedEventLog({ dataDir, role: 'beside', maxBytes: 1e9 }, depsWith(new Registry())),
      openStore,
    },
  );
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

async function traceJson(seq: number, device = 'dev-1') {
  const { code, out } = await trace([device, String(seq), '--json']);
  return { code, ...JSON.parse(out) };
}

describe('npm run trace, beside the owner', () => {
  test('a stored reading: when and where it was accepted, and what is stored', async () => {
    expect(await traceJson(1)).toMatchObject({
      code: 0,
      device: 'dev-1',
      seq: 1,
      verdict: 'stored',
      accepted: [{ partition: 0, offset: 2, gateway: 'test', index: 0, replays: 0, committed: true }],
      letters: [],
      stored: { schema: 'environment/1', seq: 1, values: { humidity: 40 } },
    });
    const { out } = await trace(['dev-1', '1']);
    expect(out).toMatch(
      /^dev-1, seq 1: stored\n {2}accepted {7}received 20.*Z by gateway test\n {17}in the log 20.*Z: partition 0, offset 2\n {17}reading 0 of its message\n {17}the telemetry-writer is past it\n {2}stored {9}environment\/1, ts 20.*Z\n {17}.*humidity/,
    );
  });

  test('one that the store refused: its letter, with the words of the store', async () => {
    expect(await traceJson(2)).toMatchObject({
      code: 0,
      verdict: 'dead-lettered',
      accepted: [{ index: 1 }],
      letters: [
        {
          reason: 'store-rejected',
          stage: 'telemetry-writer',
          status: 'pending',
          detail: { message: expect.stringContaining('retention') },
        },
      ],
      stored: null,
    });
  });

  test('one in a payload that is no JSON: its letter, what became of it, and nothing that harms a terminal', async () => {
    const { code, out } = await trace(['dev-1', '7']);
    expect(code).toBe(0);
    expect(out).toMatch(
      /seq 7: dead-lettered\n.*by gateway: malformed-json\n {17}no \\u\{1b\}\[31mJSON\n {17}letter 0-0, dismissed; npm run dlq -- show 0-0\n$/,
    );
  });

  test('a mapped one, which has no number, by its time', async () => {
    const at = async (time: string, device = 'boiler') => {
      const { code, out } = await trace([device, '--at', time, '--json']);
      return { code, ...JSON.parse(out) };
    };
    const mapping = { source: 'tasmota', rule: 'tele/{device}/SENSOR', topic: 'tele/boiler/SENSOR' };
    expect(await at(String(MAPPED_AT))).toMatchObject({
      code: 0,
      verdict: 'stored',
      accepted: [{ ts: MAPPED_AT, mapping }],
      stored: [{ schema: 'environment/1', ts: MAPPED_AT, values: { temperature: 1 } }],
    });
    const iso = new Date(MAPPED_AT).toISOString();
    for (const span of [`${iso.slice(0, 19)}Z`, iso.slice(0, 16), iso.slice(0, 16).replace('T', ' ')]) {
      expect((await at(span)).stored).toHaveLength(2);
    }
    expect((await at(iso)).stored).toHaveLength(1);
    expect(await at(String(MAPPED_AT + 1))).toMatchObject({ code: 1, verdict: 'not-found', stored: [] });
    // Of a message that became no reading, the time of its receipt is known.
    expect(await at(iso.slice(0, 16), 'kettle')).toMatchObject({
      code: 0,
      verdict: 'dead-lettered',
      letters: [{ reason: 'mapping-failed' }],
    });
    const { out } = await trace(['boiler', '--at', iso]);
    expect(out).toContain(' made by tasmota (tele/{device}/SENSOR) of tele/boiler/SENSOR\n');
  });

  test('one that waits, one that was merged, one that was replayed', async () => {
    expect(await traceJson(8)).toMatchObject({
      code: 0,
      verdict: 'waiting',
      accepted: [{ committed: false }],
    });
    expect(await traceJson(4)).toMatchObject({ code: 0, verdict: 'merged', mergedInto: { seq: 5 } });
    expect(await traceJson(6)).toMatchObject({ code: 0, verdict: 'stored', accepted: [{ replays: 2 }] });
  });

  test('one that is nowhere: exit code 1', async () => {
    expect(await traceJson(99)).toMatchObject({ code: 1, verdict: 'not-found' });
    expect(await traceJson(0, 'nobody')).toMatchObject({ code: 1, verdict: 'not-found' });
    const { code, out } = await trace(['dev-1', '99']);
    expect([code, out]).toEqual([
      1,
      'dev-1, seq 99: not found, neither in the log, nor in the dead letters, nor in the store\n',
    ]);
  });

  test('[P2] one that was committed but is neither stored nor dead-lettered is missing: exit code 1', async () => {
    const empty = async (): Promise<TelemetryStore> => ({
      ...store,
      latest: async () => [],
      scan: async function* () {},
      close: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    });
    expect(await trace(['dev-1', '1'], empty)).toMatchObject({
      code: 1,
      out: expect.stringContaining('missing'),
    });
  });

  test('with the store away, what the log knows; where it is stays open: exit code 1', async () => {
    const away = async (): Promise<TelemetryStore> => {
      const refuse = () => Promise.reject(new PipelineError('store-unavailable', 'ECONNREFUSED'));
      return {
        ...store,
        latest: refuse,
        scan: async function* () {
          yield await refuse();
        },
        close: async () => undefined,
        [Symbol.asyncDispose]: async () => undefined,
      };
    };
    const { code, out } = await trace(['dev-1', '1'], away);
    expect(code).toBe(1);
    expect(out).toMatch(
      /not known: the store cannot be asked\n.*accepted(.*\n)+ {2}store {10}cannot be asked: ECONNREFUSED\n/,
    );
  });

  test.each([
    [[]],
    [['dev-1']],
    [['dev/1', '1']],
    [['dev-1', '-1']],
    [['dev-1', 'x']],
    [['dev-1', '1', '--yaml']],
    [['dev-1', '1', '--at', '1764000000000']],
    [['dev-1', '--at', 'yesterday']],
    [['dev-1', '--at', '2026-13-01T10:00Z']],
  ])('[P10] %j is wrong usage: exit code 2', async (argv) => {
    expect(await trace(argv)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('--help explains'),
    });
  });
});
