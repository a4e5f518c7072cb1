import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { admit } from '#contract/admission.ts';
import { type DeadLetter, encodeDeadLetter } from '#contract/dead-letter.ts';
import { LETTER_STATUSES } from '#contract/letter-status.ts';
import { LIMITS } from '#contract/limits.ts';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';
import { decodeTelemetryRecord } from '#contract/telemetry-record.ts';
import { refused } from '#event-log/pending-append.ts';
import { loadContract } from '#runtime/load-contract.ts';
import { judge } from './judge.ts';
import { summaryOf } from './letter-summary.ts';
import { letterOf } from './letters.ts';
import { createDeadLetterTelemetry } from './telemetry.ts';
import { testDeps } from './testing/log-with-letters.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const document = readFileSync(path.join(ROOT, 'docs', 'dead-letters.md'), 'utf8');
const { schemas, mappings } = loadContract({
  mappings: ['tasmota'],
  mappingDir: undefined,
  siteZone: 'UTC',
});
const RECEIVED_AT = 1_764_000_000_250;

/** Sections "### `reason`" with their fenced blocks. */
const sections = new Map(
  document
    .split(/^### `/m)
    .slice(1)
    .map((text) => {
      const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)].map(
        ([, language = '', body = '']) => ({
          language,
          body,
        }),
      );
      return [text.slice(0, text.indexOf('`')), { text, blocks }] as const;
    }),
);

/** The payload of a section: its first block, which is what is sent or, for `sh`, what prints it. */
function payloadOf(reason: RejectReason): Buffer {
  const block = sections.get(reason)?.blocks[0];
  if (block?.language === 'sh') return execFileSync('sh', ['-c', block.body]);
  return Buffer.from(block?.body ?? '');
}

/** What the pipeline makes of that payload; of the reasons that need more than a payload, the essential part of it. */
function letterFrom(reason: RejectReason, payload: Buffer): Pick<DeadLetter, 'reason' | 'detail'> {
  if (reason === 'undecodable-record') {
    const [partition, offset] = [0, 0];
    const record = { topic: 't', partition, offset, timestamp: RECEIVED_AT, headers: {} };
    const decoded = decodeTelemetryRecord({ ...record, key: Buffer.from('dev-1'), value: payload }, schemas);
    return { reason, detail: { message: 'undecodable' in decoded ? decoded.undecodable : '' } };
  }
  const topic = /To the topic `([^`]+)`/.exec(sections.get(reason)?.text ?? '')?.[1];
  if (topic !== undefined) {
    const [reject] = mappings.map({
      topic,
      payload,
      client: 'c',
      receivedAt: RECEIVED_AT,
      retained: false,
    }).rejects;
    return { reason: reject?.reason ?? 'store-rejected', detail: reject?.detail };
  }
  const admission = admit(payload, RECEIVED_AT, schemas);
  if (reason === 'store-rejected') {
    expect(admission.accepted?.readings).toHaveLength(1);
    return { reason, detail: STORE_ANSWER };
  }
  if (reason === 'refused-by-log') {
    const { message, bytes = payload } = refused('MESSAGE_TOO_LARGE', payload);
    return { reason, detail: { message, bytes: bytes.length, readings: 1 } };
  }
  const [reject] = admission.rejects;
  return { reason: reject?.reason ?? 'store-rejected', detail: reject?.detail };
}

const STORE_ANSWER = {
  message:
    'field type conflict: input field "temperature" on measurement "environment" is type float, already exists as type integer',
};

/** As `dlq list --json` prints it, without id and times. */
function printed(
  letter: Pick<DeadLetter, 'reason' | 'detail'>,
  payload: Buffer,
  more: Partial<DeadLetter> = {},
) {
  const stage = ['undecodable-record', 'store-rejected'].includes(letter.reason)
    ? 'telemetry-writer'
    : 'gateway';
  const { key, value, ...record } = encodeDeadLetter('dlq', {
    ...letter,
    deviceId: 'dev-1',
    payload,
    stage,
    attempt: 0,
    firstFailedAt: RECEIVED_AT,
    receivedAt: RECEIVED_AT,
    ...more,
  });
  const place = { partition: 0, offset: 0, timestamp: RECEIVED_AT };
  const read = { ...record, ...place, key: Buffer.from(key), value: Buffer.from(value ?? []) };
  const { id, time, receivedAt, firstFailedAt, ...rest } = summaryOf(letterOf(read, undefined));
  expect([id, time, receivedAt, firstFailedAt]).toHaveLength(4);
  return rest;
}

describe('docs/dead-letters.md', () => {
  test('has a section for every reason, in the order of the list, and no other', () => {
    expect([...sections.keys()]).toEqual(REJECT_REASONS);
  });

  test.each(REJECT_REASONS)('%s: the example is real', (reason) => {
    const { text = '', blocks = [] } = sections.get(reason) ?? {};
    expect(text).toContain('**Usual cause.**');
    expect(text).toContain('**What to do.**');
    const payload = payloadOf(reason);
    const letter = letterFrom(reason, payload);
    let expected = printed(letter, payload);
    if (reason === 'replay-limit') {
      const last = { attempt: LIMITS.replayAttempts - 1, ...letter };
      const [id, time, state] = ['0-0', 0, undefined];
      const place = { id, time, state, partition: 0, offset: 0, headers: {}, stage: 'gateway' as const };
      const times = { firstFailedAt: RECEIVED_AT, receivedAt: RECEIVED_AT };
      const verdict = judge({ ...last, ...place, ...times, deviceId: 'dev-1', payload }, schemas);
      expect(verdict).toMatchObject({ kind: 'fails', parks: true, attempt: 3 });
      expected = printed({ reason, detail: letter.detail }, payload, {
        attempt: 3,
        originalReason: letter.reason,
      });
    }
    expect(expected).toMatchObject({ reason });
    expect(JSON.parse(blocks[1]?.body ?? 'null'), JSON.stringify(expected, null, 1)).toEqual(expected);
  });

  test('names every header, status and metric', () => {
    const { headers } = encodeDeadLetter('dlq', {
      deviceId: 'd',
      payload: Buffer.alloc(0),
      reason: 'replay-limit',
      originalReason: 'unknown-schema',
      detail: {},
      stage: 'gateway',
      index: 0,
      attempt: 0,
      firstFailedAt: 0,
      receivedAt: 0,
      mqttTopic: 't',
      mqttClientId: 'c',
      origin: { topic: 't', partition: 0, offset: 0 },
    });
    for (const name of [...Object.keys(headers), ...LETTER_STATUSES])
      expect(document).toContain(`\`${name}\``);

    const deps = testDeps();
    createDeadLetterTelemetry(deps, 1);
    const metrics = deps.metrics.getMetricsAsArray().map(({ name }) => name);
    expect(metrics).toContain('dead_letters_pending');
    for (const name of metrics) expect(document).toContain(`\`${name}`);
  });
});
