import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeZone } from '#contract/mapping/time-zone.ts';

const berlin = new TimeZone('Europe/Berlin');
const HOUR = 60 * 60 * 1000;

describe('time zones', () => {
  it('winter and summer time', () => {
    expect(berlin.instantOf(Date.UTC(2026, 0, 15, 12), 0)).toBe(Date.UTC(2026, 0, 15, 11));
    expect(berlin.instantOf(Date.UTC(2026, 6, 15, 12), 0)).toBe(Date.UTC(2026, 6, 15, 10));
  });

  it('of an hour that happens twice, the one nearer to the receipt', () => {
    const wall = Date.UTC(2026, 9, 25, 2, 30);
    expect(berlin.instantOf(wall, Date.UTC(2026, 9, 25, 0, 30, 5))).toBe(Date.UTC(2026, 9, 25, 0, 30));
    expect(berlin.instantOf(wall, Date.UTC(2026, 9, 25, 1, 30, 5))).toBe(Date.UTC(2026, 9, 25, 1, 30));
  });

  it('an hour that never happens is read as if the clocks had not been put forward', () => {
    expect(berlin.instantOf(Date.UTC(2026, 2, 29, 2, 30), 0)).toBe(Date.UTC(2026, 2, 29, 1, 30));
  });

  it('gives back every instant that its own local time was made of, in zones of all kinds', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'UTC',
      '+05:30',
    ];
    const times = fc.integer({ min: Date.UTC(2015), max: Date.UTC(2035) });
    const made = new Map(zones.map((zone) => [zone, new TimeZone(zone)]));
    fc.assert(
      fc.property(fc.constantFrom(...zones), times, (zone, instant) => {
        const parts = new Intl.DateTimeFormat('sv-SE', {
          timeZone: zone,
          dateStyle: 'short',
          timeStyle: 'medium',
        }).format(instant);
        const wall = Date.parse(`${parts.replace(' ', 'T')}Z`) + (instant % 1000);
        expect(made.get(zone)?.instantOf(wall, instant)).toBe(instant);
      }),
      { numRuns: 300 },
    );
  });

  it('a remembered offset is not taken for another quarter of an hour', () => {
    for (let round = 0; round < 2; round++) {
      for (let hour = -30; hour < 30; hour++) {
        const instant = Date.UTC(2026, 9, 25, 1) + hour * HOUR;
        const offset = hour < 0 ? 2 : 1;
        expect(berlin.instantOf(instant + offset * HOUR, instant)).toBe(instant);
      }
    }
  });

  it('[P10] refuses a zone that nobody knows', () => {
    expect(() => new TimeZone('Mars/Olympus')).toThrow(RangeError);
  });
});
