import { describe, expect, test } from 'vitest';
import { parseMoment } from '#runtime/moment.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('parseMoment', () => {
  test.each([
    ['30s', NOW - 30_000],
    ['5m', NOW - 300_000],
    ['2h', NOW - 7_200_000],
    ['1.5h', NOW - 5_400_000],
    ['7d', NOW - 604_800_000],
    ['2w', NOW - 1_209_600_000],
    ['2026-02-28', Date.parse('2026-02-28T00:00:00Z')],
    ['2026-02-28T08:30', Date.parse('2026-02-28T08:30:00Z')],
    ['2026-02-28 08:30:15.5Z', Date.parse('2026-02-28T08:30:15.500Z')],
    ['2026-02-28T08:30+02:00', Date.parse('2026-02-28T06:30:00Z')],
  ])('%s', (text, expected) => expect(parseMoment(text, NOW)).toBe(expected));

  test.each(['', 'yesterday', '2', 'h', '-2h', '2 h', '2026-13-01', '2026-02-28T25:00', '1e3h', '2026'])(
    '%j is refused',
    (text) => expect(parseMoment(text, NOW)).toBeUndefined(),
  );
});
