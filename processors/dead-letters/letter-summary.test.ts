import { describe, expect, it } from 'vitest';
import { kindOf } from './letter-groups.ts';
import { detailText } from './letter-summary.ts';
import type { Letter } from './letters.ts';

const RECEIVED_AT = Date.parse('2026-01-31T12:00:00Z');
const refused = (ts: number) => ({ ts, receivedAt: RECEIVED_AT, maxAgeMs: 604_800_000, maxSkewMs: 300_000 });

describe('a time that was refused', () => {
  it('is told as people write times', () => {
    expect(detailText(refused(1_764_000_000))).toBe(
      'its time is 1970-01-21T10:00:00.000Z, and it came at 2026-01-31T12:00:00.000Z: up to 168 h late and 5 min early are taken',
    );
    expect(detailText(refused(1e18))).toContain('its time is 1000000000000000000, and');
  });

  it('is one kind of letter, whatever time it was', () => {
    const keys = [77, 1_764_000_000, RECEIVED_AT + 400_000].map(
      (ts) => kindOf({ reason: 'timestamp-out-of-range', detail: refused(ts), headers: {} } as Letter).key,
    );
    expect(new Set(keys).size).toBe(1);
  });
});

it('what nobody knows the form of is told as it is', () => {
  expect(detailText({ ts: 77, limit: { bytes: 5 } })).toBe('ts 77, limit {"bytes":5}');
});
