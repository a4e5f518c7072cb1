import { describe, expect, test } from 'vitest';
import { encodeDeadLetter } from '#contract/dead-letter.ts';
import type { LetterState } from '#contract/letter-state.ts';
import { type LetterFilter, matches } from './letter-filter.ts';
import { type Letter, letterOf } from './letters.ts';
import { letterFor } from './testing/log-with-letters.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

function letterAt(time: number, state?: LetterState): Letter {
  const record = encodeDeadLetter('dlq', letterFor('dev-1', '{"schema":"fan/1"}'));
  const value = Buffer.from(record.value ?? []);
  return letterOf(
    { ...record, key: Buffer.from(record.key), value, partition: 3, offset: 17, timestamp: time },
    state,
  );
}

describe('matches', () => {
  const letter = letterAt(NOW);
  test.each<[string, LetterFilter, boolean]>([
    ['nothing asked', {}, true],
    ['its id', { ids: new Set(['3-17']) }, true],
    ['another id', { ids: new Set(['3-18']) }, false],
    ['its reason among several', { reasons: new Set(['not-utf8', 'unknown-schema']) }, true],
    ['another reason', { reasons: new Set(['not-utf8']) }, false],
    ['its device', { devices: new Set(['dev-1']) }, true],
    ['another device', { devices: new Set(['dev-10']) }, false],
    ['its schema', { schemas: new Set(['fan/1']) }, true],
    ['another schema', { schemas: new Set(['fan/2']) }, false],
    ['its stage', { stages: new Set(['gateway']) }, true],
    ['another stage', { stages: new Set(['foreign']) }, false],
    ['from its time on', { since: NOW }, true],
    ['after its time', { since: NOW + 1 }, false],
    ['before just after its time', { until: NOW + 1 }, true],
    ['before its time', { until: NOW }, false],
    ['one of two conditions', { devices: new Set(['dev-1']), until: NOW }, false],
  ])('%s', (_, filter, expected) => expect(matches(filter, letter)).toBe(expected));

  test.each<[LetterState['outcome'], boolean]>([
    ['failed-again', true],
    ['replayed', false],
    ['parked', false],
    ['dismissed', false],
  ])('a letter that was %s', (outcome, pending) => {
    const settled = letterAt(NOW, { outcome, at: NOW, attempt: 1 });
    expect(matches({}, settled)).toBe(pending);
    expect(matches({ all: true }, settled)).toBe(true);
  });
});
