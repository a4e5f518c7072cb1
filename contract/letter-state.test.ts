import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeLetterState,
  encodeLetterState,
  isPending,
  LETTER_OUTCOMES,
  type LetterState,
} from '#contract/letter-state.ts';
import type { AppendRecord, LogRecord } from '#contract/log-record.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';

const count = fc.nat({ max: 2 ** 52 });
const position = fc.record({ partition: fc.nat({ max: 999 }), offset: fc.nat({ max: 2 ** 40 }) });
const state: fc.Arbitrary<LetterState> = fc
  .record({
    outcome: fc.constantFrom(...LETTER_OUTCOMES),
    at: count,
    attempt: count,
    reason: fc.option(fc.constantFrom(...REJECT_REASONS), { nil: undefined }),
    became: fc.option(position, { nil: undefined }),
    letterTime: fc.option(count, { nil: undefined }),
  })
  .map(({ reason, became, letterTime, ...rest }) => ({
    ...rest,
    ...(reason && { reason }),
    ...(became && { became }),
    ...(letterTime !== undefined && { letterTime }),
  }));

function asRead(record: AppendRecord): LogRecord {
  return {
    topic: record.topic,
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: Buffer.from(record.key),
    value: record.value === null ? null : Buffer.from(record.value),
    headers: record.headers,
  };
}

describe('letter state', () => {
  test('comes back as it was written', () => {
    fc.assert(
      fc.property(position, state, (letter, written) => {
        const record = encodeLetterState('states', letter, written);
        expect(record.key).toBe(`${letter.partition}-${letter.offset}`);
        expect(decodeLetterState(asRead(record))).toEqual({ letter, state: written });
      }),
    );
  });

  test('a removed state is told from a record that is not ours', () => {
    const letter = { partition: 3, offset: 17 };
    const removed = asRead(encodeLetterState('states', letter, undefined));
    expect(removed.value).toBeNull();
    expect(decodeLetterState(removed)).toEqual({ letter, state: undefined });
  });

  test('records of other programs are no states', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (key, value) => {
        const record = {
          ...asRead(encodeLetterState('states', { partition: 0, offset: 0 }, undefined)),
          key: Buffer.from(key),
          value: Buffer.from(value),
        };
        expect(decodeLetterState(record)).toBeUndefined();
      }),
    );
    const foreign = (value: string) =>
      decodeLetterState({
        ...asRead(encodeLetterState('states', { partition: 0, offset: 0 }, undefined)),
        value: Buffer.from(value),
      });
    for (const value of [
      'null',
      '[]',
      '{}',
      '{"outcome":"sold","at":1,"attempt":1}',
      '{"outcome":"parked"}',
    ]) {
      expect(foreign(value)).toBeUndefined();
    }
    expect(foreign('{"outcome":"parked","at":1,"attempt":-1}')).toBeUndefined();
  });

  test('a letter is pending until it was replayed, parked or dismissed', () => {
    const of = (outcome: LetterState['outcome']) => isPending({ outcome, at: 1, attempt: 1 });
    expect(isPending(undefined)).toBe(true);
    expect(of('failed-again')).toBe(true);
    expect([of('replayed'), of('parked'), of('dismissed')]).toEqual([false, false, false]);
  });
});
