import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DeadLetter, encodeDeadLetter } from '#contract/dead-letter.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { judge } from './judge.ts';
import { letterOf } from './letters.ts';
import { replayLetters } from './replay.ts';
import { openTestLog, TOPICS } from './testing/log-with-letters.ts';
import { readAll } from './testing/run-replay.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'judge-mapped-'));
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const RECEIVED_AT = Date.UTC(2026, 10, 20, 10);
const RULE = {
  topic: 't/{gateway}',
  each: '',
  as: 'environment/2',
  device: '{key}',
  ts: 'received',
  values: { temperature: '/t' },
};

/** Today's mapping. */
function contractWith(changes: object) {
  writeFileSync(
    path.join(folder, 'own.json'),
    JSON.stringify({ source: 'own', rules: [{ ...RULE, ...changes }] }),
  );
  return loadContract({ mappings: [], mappingDir: folder, siteZone: 'UTC' });
}

function deadLetter(payload: unknown, more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    deviceId: 'gw',
    payload: Buffer.from(JSON.stringify(payload)),
    reason: 'mapping-failed',
    detail: { errors: [] },
    stage: 'gateway',
    attempt: 0,
    firstFailedAt: RECEIVED_AT,
    receivedAt: RECEIVED_AT,
    mqttTopic: 't/gw',
    mqttClientId: 'gw',
    path: '/b',
    ...more,
  };
}

function letter(payload: unknown, more: Partial<DeadLetter> = {}) {
  const { key, value, ...record } = encodeDeadLetter('dlq', deadLetter(payload, more));
  const read = {
    ...record,
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: Buffer.from(key),
    value: Buffer.from(value ?? []),
  };
  return letterOf(read, undefined);
}

describe('letters of foreign topics', () => {
  const payload = { a: { t: 1 }, b: { t: '2 °C' } };

  test("today's rules map the original again, and only the element that was refused is handed in", () => {
    const before = contractWith({});
    expect(judge(letter(payload), before.schemas, 'received', before.mappings)).toMatchObject({
      kind: 'fails',
      reason: 'mapping-failed',
    });
    const { schemas, mappings } = contractWith({
      values: { temperature: { at: '/t', map: { '1': 1, '2 °C': 2 } } },
    });
    expect(judge(letter(payload), schemas, 'received', mappings)).toMatchObject({
      kind: 'passes',
      batches: [
        {
          deviceId: 'b',
          readings: [{ schema: 'environment/2', ts: RECEIVED_AT, values: { temperature: 2 } }],
        },
      ],
      rejects: [],
      origin: { topic: 't/gw', rule: { source: 'own', topic: 't/{gateway}' } },
    });
  });

  test('a message that was refused as a whole is handed in as a whole', () => {
    const { schemas, mappings } = contractWith({
      values: { temperature: { at: '/t', map: { '1': 1, '2 °C': 2 } } },
    });
    const { path: _path, ...noPath } = deadLetter(payload);
    const { key, value, ...record } = encodeDeadLetter('dlq', { ...noPath, reason: 'unmapped-topic' });
    const read = {
      ...record,
      partition: 0,
      offset: 0,
      timestamp: 0,
      key: Buffer.from(key),
      value: Buffer.from(value ?? []),
    };
    const verdict = judge(letterOf(read, undefined), schemas, 'received', mappings);
    expect(verdict.kind === 'passes' && verdict.batches.map(({ deviceId }) => deviceId)).toEqual(['a', 'b']);
  });

  test.each<[string, object, Partial<DeadLetter>, string]>([
    [
      'is ignored today',
      { ignore: undefined, empty: 'ignore', values: { temperature: '/none' } },
      {},
      'ignores it',
    ],
    ['finds nothing at that place', { each: { in: '', when: { '{key}': 'a' } } }, {}, 'finds nothing'],
    ['had no right', {}, { detail: { forbidden: true } }, 'no right'],
  ])('[P9] cannot be replayed: %s', (_name, changes, more, why) => {
    const { schemas, mappings } = contractWith(changes);
    expect(judge(letter({ a: { t: 1 }, b: { t: 2 } }, more), schemas, 'received', mappings)).toEqual({
      kind: 'unreplayable',
      why: expect.stringContaining(why),
    });
  });

  test('without mappings it stays, and so does a letter of the writer, which holds readings', () => {
    const { schemas } = contractWith({});
    expect(judge(letter(payload), schemas)).toMatchObject({ kind: 'unreplayable' });
    const ours = { schema: 'environment/2', ts: RECEIVED_AT, values: { temperature: 1 } };
    expect(judge(letter(ours, { stage: 'telemetry-writer' }), schemas)).toMatchObject({ kind: 'passes' });
  });

  test('[P3] a replay writes what was missing, with where it came from', async () => {
    await using under = await openTestLog();
    await under.log.append(
      encodeDeadLetter(TOPICS.deadLetters, deadLetter(payload)),
      performance.now() + 60_000,
    );
    const { schemas, mappings } = contractWith({
      values: { temperature: { at: '/t', map: { '1': 1, '2 °C': 2 } } },
    });
    const deps = { eventLog: under.log, topics: TOPICS, now: () => RECEIVED_AT };
    const options = { filter: {}, dryRun: false, signal: new AbortController().signal };
    expect(await replayLetters(options, deps, schemas, mappings)).toMatchObject({ letters: 1, passed: 1 });
    const [record, ...others] = await readAll(under.log, TOPICS.telemetry);
    expect(others).toEqual([]);
    expect(String(record?.key)).toBe('b');
    expect(record?.headers).toMatchObject({
      'mqtt.topic': 't/gw',
      'mapping.source': 'own',
      'dlq.attempt': '1',
    });
  });
});
