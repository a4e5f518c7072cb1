import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';
import { PendingLedger } from './pending-ledger.ts';

/** The same thing, written plainly. */
class Model {
  readonly letters = new Map<
    string,
    { reason: RejectReason; time: number; partition: number; offset: number }
  >();
  readonly settled = new Set<string>();

  get pending() {
    return [...this.letters].filter(([id]) => !this.settled.has(id)).map(([, letter]) => letter);
  }
}

describe('the ledger of pending letters', () => {
  test('agrees with a plain model: letters in order, outcomes at any time, retention, repetitions', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('letter'), gap: fc.integer({ min: 1, max: 700 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('settle'), gap: fc.integer({ min: 0, max: 3_000 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('reopen'), gap: fc.integer({ min: 0, max: 3_000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('remove'), gap: fc.integer({ min: 0, max: 2_000 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat'), gap: fc.constant(0) }) },
    );
    const steps = fc.array(fc.record({ partition: fc.nat({ max: 1 }), step }), { maxLength: 120 });
    fc.assert(
      fc.property(steps, (actions) => {
        const [ledger, model] = [new PendingLedger(), new Model()];
        const next = [0, 0];
        const oldest = [0, 0];
        for (const {
          partition,
          step: { kind, gap },
        } of actions) {
          const end = next[partition] as number;
          if (kind === 'letter') {
            const offset = end + gap;
            const reason = REJECT_REASONS[offset % REJECT_REASONS.length] as RejectReason;
            const time = offset * 1000;
            ledger.letterSeen({ partition, offset }, reason, time);
            model.letters.set(`${partition}-${offset}`, { reason, time, partition, offset });
            next[partition] = offset + 1;
          } else if (kind === 'settle') {
            const offset = Math.max(oldest[partition] as number, end + 500 - gap);
            ledger.letterSettled({ partition, offset });
            model.settled.add(`${partition}-${offset}`);
          } else if (kind === 'reopen') {
            const offset = Math.max(oldest[partition] as number, end + 500 - gap);
            ledger.letterReopened({ partition, offset });
            model.settled.delete(`${partition}-${offset}`);
          } else if (kind === 'remove') {
            const before = Math.min(end, (oldest[partition] as number) + gap);
            oldest[partition] = before;
            const gone = model.pending.filter((l) => l.partition === partition && l.offset < before);
            for (const { offset } of gone) model.letters.delete(`${partition}-${offset}`);
            const removed = [...ledger.removeBefore(partition, before).values()];
            expect(removed.reduce((a, b) => a + b, 0)).toBe(gone.length);
          } else {
            for (const { partition: p, offset, reason, time } of model.pending) {
              ledger.letterSeen({ partition: p, offset }, reason, time);
            }
          }
        }
        for (const reason of REJECT_REASONS) {
          expect(ledger.pending.get(reason)).toBe(model.pending.filter((l) => l.reason === reason).length);
        }
        const times = model.pending.map(({ time }) => time);
        expect(ledger.oldestPending()).toBe(times.length === 0 ? undefined : Math.min(...times));
      }),
      { numRuns: 300 },
    );
  });

  test('what is said of a letter of another time, before and after it, is not said of this one', () => {
    const ledger = new PendingLedger();
    const at = { partition: 0, offset: 3 };
    ledger.letterSettled(at, 1_000_000);
    ledger.letterSeen(at, 'malformed-json', 2_000_000);
    expect(ledger.isPending(at)).toBe(true);
    ledger.letterSettled(at, 1_000_000);
    expect(ledger.isPending(at)).toBe(true);
    ledger.letterSettled(at, 2_000_000);
    expect(ledger.isPending(at)).toBe(false);
    const early = { partition: 1, offset: 0 };
    ledger.letterSettled(early, 2_000_000);
    ledger.letterSeen(early, 'malformed-json', 2_000_000);
    expect(ledger.isPending(early)).toBe(false);
  });

  test('every reason has a number from the start', () => {
    expect([...new PendingLedger().pending]).toEqual(REJECT_REASONS.map((reason) => [reason, 0]));
  });
});
