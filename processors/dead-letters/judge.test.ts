import { describe, expect, test } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { judge } from './judge.ts';
import type { Letter } from './letters.ts';
import { letterFor } from './testing/log-with-letters.ts';

const schemas = loadSchemas();
const RECEIVED_AT = 1_764_000_000_500;
const good = (ts = 1_764_000_000_000): string =>
  JSON.stringify({ schema: 'environment/1', ts, values: { temperature: 21.5, humidity: 40 } });

function letter(payload: string, more: Partial<Letter> = {}): Letter {
  const base = letterFor('dev-1', payload, { schemas, receivedAt: RECEIVED_AT });
  return { ...base, id: '0-0', partition: 0, offset: 0, time: 0, headers: {}, state: undefined, ...more };
}

describe('judge', () => {
  test('a reading that today’s schemas accept passes, whatever it was refused for', () => {
    for (const reason of ['unknown-schema', 'schema-violation', 'store-rejected'] as const) {
      expect(judge(letter(good(), { reason }), schemas)).toMatchObject({ kind: 'passes', rejects: [] });
    }
  });

  test('[P5] a letter of which only a part was kept says so, and is not taken for another one; what a replay does not need may be missing', () => {
    const kept = (detail: unknown, more: Partial<Letter> = {}) =>
      judge(letter(good(), { detail, ...more }), schemas);
    expect(kept({ truncated: '', leftOut: ['trace', 'rule', 'client-id'] })).toMatchObject({
      kind: 'passes',
    });
    const parked = { attempt: LIMITS.replayAttempts };
    for (const verdict of [
      kept({ bytes: 70_000, keptBytes: 64, leftOut: ['topic', 'labels'] }),
      kept({ bytes: 70_000, keptBytes: 64, leftOut: ['topic', 'labels'] }, parked),
    ])
      expect(verdict).toEqual({
        kind: 'unreplayable',
        why: 'the dead-letter topic took no more than a part of it (missing: payload, topic, labels): submit it whole',
      });
    expect(kept({ leftOut: ['client-id'] }, { mqttTopic: 'plant/1' })).toMatchObject({
      kind: 'unreplayable',
    });
  });

  test('the clock is that of the receipt, however long ago it was', () => {
    expect(judge(letter(good()), schemas).kind).toBe('passes');
    expect(judge(letter(good(RECEIVED_AT + LIMITS.maxSkewMs + 1)), schemas)).toMatchObject({
      kind: 'fails',
      reason: 'timestamp-out-of-range',
    });
  });

  test('by another time, where the gateway’s clock was wrong when it came', () => {
    const hour = 3_600_000;
    const correct = letter(good(RECEIVED_AT + hour), { reason: 'timestamp-out-of-range' });
    expect(judge(correct, schemas)).toMatchObject({ kind: 'fails', reason: 'timestamp-out-of-range' });
    expect(judge(correct, schemas, RECEIVED_AT + hour)).toMatchObject({ kind: 'passes' });
    expect(judge(correct, schemas, RECEIVED_AT + 2 * LIMITS.maxAgeMs)).toMatchObject({ kind: 'fails' });
    const parked = { ...correct, reason: 'replay-limit', attempt: LIMITS.replayAttempts } as const;
    expect(judge(parked, schemas, RECEIVED_AT + hour)).toMatchObject({ kind: 'passes' });
  });

  test('a letter fails with the reason of today', () => {
    const verdict = judge(letter(good().replace('21.5', '"hot"'), { reason: 'unknown-schema' }), schemas);
    expect(verdict).toMatchObject({ kind: 'fails', reason: 'schema-violation', attempt: 1, parks: false });
  });

  test('the last attempt that fails parks', () => {
    const attempts = [0, 1, 2, 3].map((attempt) => judge(letter('{', { attempt }), schemas));
    expect(attempts.map((verdict) => verdict.kind === 'fails' && [verdict.attempt, verdict.parks])).toEqual([
      [1, false],
      [2, false],
      [3, true],
      [3, true],
    ]);
  });

  test('a letter that came back too often, refused by the store each time, is parked without another try', () => {
    const verdict = judge(
      letter(good(), { reason: 'store-rejected', attempt: LIMITS.replayAttempts }),
      schemas,
    );
    expect(verdict).toMatchObject({ kind: 'fails', reason: 'store-rejected', parks: true });
  });

  test('a parked letter may be tried again, and is not parked twice', () => {
    const parked = { reason: 'replay-limit', attempt: 3 } as const;
    expect(judge(letter(good(), parked), schemas).kind).toBe('passes');
    expect(judge(letter('{', parked), schemas)).toMatchObject({ kind: 'fails', parks: false, attempt: 4 });
  });

  test('of a batch the good readings pass', () => {
    const verdict = judge(letter(`[${good()},7,${good()}]`), schemas);
    expect(verdict).toMatchObject({ kind: 'passes', rejects: [{ index: 1, reason: 'schema-violation' }] });
    expect(judge(letter('[7,8]'), schemas)).toMatchObject({ kind: 'fails', reason: 'schema-violation' });
  });

  test('what cannot be replayed says why', () => {
    expect(judge(letter('x'.repeat(LIMITS.payloadBytes + 1)), schemas).kind).toBe('unreplayable');
    expect(judge(letter(good(), { reason: 'undecodable-record' }), schemas).kind).toBe('unreplayable');
    expect(judge(letter(good(), { deviceId: 'no/device' }), schemas).kind).toBe('unreplayable');
  });
});
