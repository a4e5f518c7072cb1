import { describe, expect, it } from 'vitest';
import * as format from './format.ts';

const NOON = Date.parse('2026-01-31T12:03:04.250Z');
const HOUR = 3_600_000;

describe('numbers', () => {
  it.each([
    [format.count(1_204_233), '1,204,233'],
    [format.count(null), '–'],
    [format.count(Number.NaN), '–'],
    [format.compact(9_999), '9,999'],
    [format.compact(1_204_233), '1.2M'],
    [format.rate(0), '0'],
    [format.rate(0.004), '0'],
    [format.rate(0.257), '0.26'],
    [format.rate(3.42), '3.4'],
    [format.rate(1_204.2), '1,204'],
    [format.rate(undefined), '–'],
    [format.counted(1, 'letter'), '1 letter'],
    [format.counted(2, 'letter'), '2 letters'],
    [format.bytes(812), '812 B'],
    [format.bytes(11_980), '11.7 KiB'],
    [format.bytes(64 * 1024 * 1024), '64 MiB'],
    [format.fieldValue(1013.25), '1,013.25'],
    [format.fieldValue(12_345_678_901), '12,345,678,901'],
    [format.fieldValue(Number.MAX_SAFE_INTEGER), '9,007,199,254,740,991'],
    [format.fieldValue(0.1 + 0.2), '0.3'],
    [format.fieldValue(-0.000_001_5), '-0.0000015'],
    [format.fieldValue(1.5e-7), '1.5e-7'],
    [format.fieldValue(1e300), '1e300'],
    [format.fieldValue(0), '0'],
    [format.fieldValue(true), 'true'],
    [format.fieldValue('on'), 'on'],
  ])('%s = %s', (said, expected) => expect(said).toBe(expected));
});

describe('spans', () => {
  it.each([
    [format.milliseconds(0.84), '0.8 ms'],
    [format.milliseconds(214.4), '214 ms'],
    [format.milliseconds(1_500), '1.5 s'],
    [format.duration(0), '0 s'],
    [format.duration(59.6), '1 min'],
    [format.duration(250), '4 min 10 s'],
    [format.duration(7_500), '2 h 5 min'],
    [format.duration(273_600), '3 d 4 h'],
    [format.duration(-64), '−1 min 4 s'],
    [format.skew(2_100), '+2.1 s'],
    [format.skew(-250_000), '−4 min 10 s'],
    [format.skew(null), '–'],
  ])('%s = %s', (said, expected) => expect(said).toBe(expected));
});

describe('times', () => {
  it('are told in the zone of the viewer, and in UTC on hover', () => {
    expect(format.clock(NOON, 'Europe/Berlin')).toBe('13:03:04');
    expect(format.moment(NOON, NOON + HOUR, 'UTC')).toBe('12:03:04');
    expect(format.utc(NOON)).toBe('2026-01-31 12:03:04.250 UTC');
  });

  it('have their day when it is another one there, and their year when it is another', () => {
    expect(format.moment(NOON, NOON + 11 * HOUR, 'Europe/Berlin')).toBe('31 Jan, 13:03:04');
    expect(format.moment(NOON, NOON + 400 * 24 * HOUR, 'UTC')).toBe('31 Jan 2026, 12:03:04');
  });

  it('are right where hours are halves, and where an hour comes twice', () => {
    expect(format.clock(NOON, 'Asia/Kolkata')).toBe('17:33:04');
    expect(format.clock(NOON, 'Australia/Lord_Howe')).toBe('23:03:04');
    const [summer, winter] = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'].map(Date.parse) as [
      number,
      number,
    ];
    expect([summer, winter].map((at) => format.clock(at, 'Europe/Berlin'))).toEqual(['02:30:00', '02:30:00']);
    expect(format.moment(summer, winter + HOUR * 24, 'Europe/Berlin')).toBe('25 Oct, 02:30:00');
  });

  it('midnight is 00, not 24', () => {
    expect(format.clock(Date.parse('2026-01-31T00:00:00Z'), 'UTC')).toBe('00:00:00');
  });

  it('that no calendar has are told as they are', () => {
    expect(format.moment(8.65e15, NOON)).toBe('8650000000000000 ms');
    expect(format.utc(1e18)).toBe('1000000000000000000 ms');
    expect(format.moment(null, NOON)).toBe('–');
  });

  it.each([
    [0, 'just now'],
    [12_000, '12 s ago'],
    [90_000, '1 min ago'],
    [47 * HOUR, '47 h ago'],
    [72 * HOUR, '3 d ago'],
    [-300_000, 'in 5 min'],
  ])('%i ms ago: %s', (ms, said) => expect(format.ago(NOON - ms, NOON)).toBe(said));

  it('never', () => expect(format.ago(null, NOON)).toBe('never'));
});
