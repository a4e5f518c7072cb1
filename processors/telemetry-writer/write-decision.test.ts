import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Point,
  RETRY_CAUSES,
  type RejectedPoint,
  type WriteOutcome,
} from '#telemetry-store/telemetry-store.ts';
import {
  causeOf,
  decideWrite,
  isSystemic,
  NO_REFUSALS,
  type RefusalRun,
  SYSTEMIC_EVIDENCE,
  WRITE_DELAYS,
  type WriteDecision,
  type WriteSituation,
  wordsForPeople,
} from './write-decision.ts';

const { writes, points: enoughPoints, devices: enoughDevices } = SYSTEMIC_EVIDENCE;
const SYSTEMIC: RefusalRun = {
  cause: 'refused',
  writes,
  points: enoughPoints,
  devices: new Set(Array.from({ length: enoughDevices }, (_, i) => `device-${i}`)),
};

function points(count: number, deviceCount: number): Point[] {
  return Array.from({ length: count }, (_, i) => ({
    measurement: 'environment',
    deviceId: `device-${i % deviceCount}`,
    timestamp: i,
    fields: [{ name: 'temperature', kind: 'float', value: 1 }],
  }));
}

function rejects(indexes: readonly number[], reason = 'refused'): WriteOutcome & { kind: 'written' } {
  return { kind: 'written', rejected: indexes.map((index) => ({ index, reason })) };
}

const allOf = (batch: readonly Point[], reason?: string) => rejects(Array.from(batch.keys()), reason);

function decide(situation: Pick<WriteSituation, 'outcome'> & Partial<WriteSituation>) {
  return decideWrite({
    points: points(10, 5),
    refusals: NO_REFUSALS,
    attempt: 1,
    rejectAll: 'pause',
    delays: WRITE_DELAYS,
    random: () => 0,
    ...situation,
  });
}

describe('what the writer does with an answer of the store', () => {
  const proceed = (deadLetter: readonly RejectedPoint[]): WriteDecision => ({ kind: 'proceed', deadLetter });
  const hold = (cause: 'misconfigured' | 'rejects-all', detail: string): WriteDecision => ({
    kind: 'hold',
    cause,
    detail,
    delayMs: WRITE_DELAYS.holdMs,
  });
  const ten = points(10, 5);
  const some = rejects([2, 7]);
  const all = allOf(ten);
  const table: [string, Pick<WriteSituation, 'outcome'> & Partial<WriteSituation>, WriteDecision][] = [
    ['written', { outcome: rejects([]) }, proceed([])],
    ['some refused: dead-lettered alone', { outcome: some }, proceed(some.rejected)],
    ['some refused during a systemic fault', { outcome: some, refusals: SYSTEMIC }, proceed(some.rejected)],
    ['all refused, no evidence', { outcome: all }, proceed(all.rejected)],
    ['all refused, enough evidence', { outcome: all, refusals: SYSTEMIC }, hold('rejects-all', 'refused')],
    [
      'all refused in other words, enough evidence',
      { outcome: allOf(ten, 'other words'), refusals: SYSTEMIC },
      hold('rejects-all', 'other words'),
    ],
    [
      'all refused, enough evidence, but STORE_REJECT_ALL=dead-letter',
      { outcome: all, refusals: SYSTEMIC, rejectAll: 'dead-letter' },
      proceed(all.rejected),
    ],
    ['misconfigured', { outcome: { kind: 'misconfigured', detail: '401' } }, hold('misconfigured', '401')],
    [
      'misconfigured, whatever STORE_REJECT_ALL says',
      { outcome: { kind: 'misconfigured', detail: '404' }, rejectAll: 'dead-letter' },
      hold('misconfigured', '404'),
    ],
    ['aborted', { outcome: { kind: 'retry', cause: 'aborted', detail: '' } }, { kind: 'abandon' }],
    ...RETRY_CAUSES.filter((cause) => cause !== 'aborted').map((cause): (typeof table)[number] => [
      `retry: ${cause}`,
      { outcome: { kind: 'retry', cause, detail: 'away' } },
      { kind: 'retry', cause, detail: 'away', delayMs: WRITE_DELAYS.retry.firstDelayMs },
    ]),
    [
      'retry, the store asks for more time',
      { outcome: { kind: 'retry', cause: 'overloaded', detail: '', afterMs: 5_000 } },
      { kind: 'retry', cause: 'overloaded', detail: '', delayMs: 5_000 },
    ],
    [
      'retry, the store asks for less time than the back-off',
      { outcome: { kind: 'retry', cause: 'overloaded', detail: '', afterMs: 1 }, attempt: 3 },
      { kind: 'retry', cause: 'overloaded', detail: '', delayMs: 4 * WRITE_DELAYS.retry.firstDelayMs },
    ],
    [
      'retry, the store asks for a nonsensical time',
      { outcome: { kind: 'retry', cause: 'overloaded', detail: '', afterMs: 1e12 } },
      { kind: 'retry', cause: 'overloaded', detail: '', delayMs: WRITE_DELAYS.maxRequestedMs },
    ],
    [
      'retry for the thousandth time: still, at the longest delay',
      { outcome: { kind: 'retry', cause: 'unreachable', detail: '' }, attempt: 1_000 },
      { kind: 'retry', cause: 'unreachable', detail: '', delayMs: WRITE_DELAYS.retry.maxDelayMs },
    ],
  ];
  test.each(table)('%s', (_, situation, expected) => {
    expect(decide(situation).decision).toEqual(expected);
  });

  test('retries and holds are jittered', () => {
    const outcomes: WriteOutcome[] = [
      { kind: 'retry', cause: 'timeout', detail: '' },
      { kind: 'misconfigured', detail: '' },
    ];
    const delays = outcomes.map((outcome) => {
      const { decision } = decide({ outcome, random: () => 0.999 });
      return 'delayMs' in decision ? decision.delayMs : Number.NaN;
    });
    expect(delays).toEqual([100, 10_010]);
  });

  test('[P2] only points that the store refused for good are ever dead-lettered', () => {
    const outcome: fc.Arbitrary<WriteOutcome> = fc.oneof(
      fc.uniqueArray(fc.nat({ max: 9 })).map((indexes) => rejects(indexes)),
      fc.constant<WriteOutcome>({ kind: 'misconfigured', detail: '' }),
      fc.constantFrom(...RETRY_CAUSES).map((cause): WriteOutcome => ({ kind: 'retry', cause, detail: '' })),
    );
    const property = fc.property(
      outcome,
      fc.constantFrom(NO_REFUSALS, SYSTEMIC),
      fc.constantFrom('pause' as const, 'dead-letter' as const),
      (given, refusals, rejectAll) => {
        const { decision } = decide({ outcome: given, refusals, rejectAll });
        if (decision.kind === 'proceed')
          expect(given).toEqual({ kind: 'written', rejected: decision.deadLetter });
      },
    );
    fc.assert(property);
  });
});

describe('a systemic fault', () => {
  /** Plays writes that were refused completely; returns how many were dead-lettered until one was held. */
  function deadLetteredUntilHeld(
    batches: readonly { batch: Point[]; reason?: string }[],
  ): number | undefined {
    let refusals = NO_REFUSALS;
    for (const [index, { batch, reason }] of batches.entries()) {
      const result = decide({ outcome: allOf(batch, reason), points: batch, refusals });
      if (result.decision.kind === 'hold') return index;
      refusals = result.refusals;
    }
    return undefined;
  }
  const times = (count: number, batch: Point[]) => Array.from({ length: count }, () => ({ batch }));

  test('is the third full batch in a row that is refused completely', () => {
    expect(deadLetteredUntilHeld(times(10, points(5_000, 50)))).toBe(2);
  });

  test('shows in small batches, too, once there are enough points of enough devices', () => {
    expect(deadLetteredUntilHeld(times(1_000, points(5, 5)))).toBe(enoughPoints / 5 - 1);
  });

  test('[P5] is never seen in one or two broken devices, however much they send', () => {
    expect(deadLetteredUntilHeld(times(1_000, points(1, 1)))).toBeUndefined();
    expect(deadLetteredUntilHeld(times(100, points(5_000, enoughDevices - 1)))).toBeUndefined();
  });

  test('is one fault: other words begin another run, several at once none', () => {
    const batch = points(200, 10);
    const alternating = Array.from({ length: 50 }, (_, i) => ({ batch, reason: i % 2 ? 'odd' : 'even' }));
    expect(deadLetteredUntilHeld(alternating)).toBeUndefined();
    const mixed = {
      kind: 'written' as const,
      rejected: allOf(batch).rejected.map((r, i) => ({ ...r, reason: `${i % 2 ? 'a' : 'b'}` })),
    };
    expect(decide({ outcome: mixed, points: batch, refusals: { ...SYSTEMIC, writes: 2 } }).refusals).toEqual(
      NO_REFUSALS,
    );
  });

  test('ends with the first stored point, not with a store that is away or misconfigured', () => {
    const kept: WriteOutcome[] = [
      { kind: 'retry', cause: 'unreachable', detail: '' },
      { kind: 'retry', cause: 'aborted', detail: '' },
      { kind: 'misconfigured', detail: '' },
    ];
    for (const outcome of kept) expect(decide({ outcome, refusals: SYSTEMIC }).refusals).toBe(SYSTEMIC);
    for (const indexes of [[], [0, 1, 2, 3, 4, 5, 6, 7, 8]]) {
      const { refusals } = decide({ outcome: rejects(indexes), refusals: SYSTEMIC });
      expect(isSystemic(refusals)).toBe(false);
      expect(refusals).toEqual(NO_REFUSALS);
    }
  });

  test('needs each kind of evidence', () => {
    expect(isSystemic(SYSTEMIC)).toBe(true);
    expect(isSystemic({ ...SYSTEMIC, writes: writes - 1 })).toBe(false);
    expect(isSystemic({ ...SYSTEMIC, points: enoughPoints - 1 })).toBe(false);
    expect(isSystemic({ ...SYSTEMIC, devices: new Set(['device-0']) })).toBe(false);
  });
});

describe('the cause behind the words of a store', () => {
  test.each([
    [
      'partial write: field type conflict: input field "temperature" on measurement "environment" is type float, already exists as type integer dropped=17',
      'partial write: field type conflict: input field "rmsX" on measurement "vibration" is type float, already exists as type integer dropped=1',
    ],
    [
      'point outside retention policy: it is 86458 seconds older than the oldest that is kept',
      'point outside retention policy: it is 1.5 seconds older than the oldest that is kept',
    ],
  ])('is the same in %j and another', (one, other) => {
    expect(causeOf(one)).toBe(causeOf(other));
  });

  test('is not what people are shown: they are shown the words', () => {
    const reason =
      'failure writing points to database: partial write: field type conflict: input field "schemaVersion" on measurement "environment" is type integer, already exists as type string dropped=5000';
    const { decision } = decide({
      outcome: allOf(points(10, 5), reason),
      points: points(10, 5),
      refusals: SYSTEMIC,
    });
    expect(decision).toMatchObject({ kind: 'hold', cause: 'rejects-all', detail: reason });
  });

  test('differs between different faults', () => {
    expect(causeOf('field type conflict: input field "a"')).not.toBe(
      causeOf('point outside retention policy'),
    );
  });
});

describe('the words of a store, as people are shown them', () => {
  test.each([
    ['input field "x" on measurement "m" is type float', 'input field "x" on measurement "m" is type float'],
    [
      "unable to parse 'environment,device=a name=\"it's me\" 1': missing field value",
      "unable to parse '…': missing field value",
    ],
    ['x'.repeat(600), `${'x'.repeat(500)}…`],
  ])('%j', (reason, shown) => {
    expect(wordsForPeople(reason)).toBe(shown);
  });
});
