/** Numbers and times as the page writes them. Pure: the zone of the viewer is a parameter, for tests. */

const NOTHING = '–';
const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
/** As many as every number has that somebody wrote; the next ones are of the way that it is kept. */
const VALUE = new Intl.NumberFormat('en', { maximumSignificantDigits: 15 });
/** Beyond these a number is written with its power of ten. */
const [LEAST, MOST] = [1e-6, 1e15];

/** `12,345` */
export function count(value: number | null | undefined): string {
  return isNumber(value) ? COUNT.format(value) : NOTHING;
}

/** `12.3K`, where room is short. */
export function compact(value: number | null | undefined): string {
  if (!isNumber(value)) return NOTHING;
  return Math.abs(value) < 10_000 ? COUNT.format(value) : COMPACT.format(value);
}

/** Per second: `0.25`, `3.4`, `1,204` */
export function rate(value: number | null | undefined): string {
  if (!isNumber(value)) return NOTHING;
  return Math.abs(value) < 10 ? trimmed(value, Math.abs(value) < 1 ? 2 : 1) : compact(value);
}

/** `1 letter`, `2 letters` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `0.8 ms`, `214 ms`, `1.5 s` */
export function milliseconds(value: number | null | undefined): string {
  if (!isNumber(value)) return NOTHING;
  if (Math.abs(value) < 10) return `${trimmed(value, 1)} ms`;
  if (Math.abs(value) < 1_000) return `${Math.round(value)} ms`;
  return duration(value / 1_000);
}

/** Of seconds: `3.2 s`, `45 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h` */
export function duration(seconds: number | null | undefined): string {
  if (!isNumber(seconds)) return NOTHING;
  const sign = seconds < 0 ? '−' : '';
  const value = Math.abs(seconds);
  if (value < 10) return `${sign}${trimmed(value, 1)} s`;
  const whole = Math.round(value);
  if (whole < 60) return `${sign}${whole} s`;
  if (whole < 3_600) return sign + two(whole, 60, 'min', 1, 's');
  if (whole < 86_400) return sign + two(whole, 3_600, 'h', 60, 'min');
  return sign + two(whole, 86_400, 'd', 3_600, 'h');
}

/** `812 B`, `1.4 KiB`, `64 MiB` */
export function bytes(value: number | null | undefined): string {
  if (!isNumber(value)) return NOTHING;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1_024 && unit < units.length - 1) {
    scaled /= 1_024;
    unit++;
  }
  return `${unit === 0 ? COUNT.format(scaled) : SHORT.format(scaled)} ${units[unit]}`;
}

/** The value of a field of a reading, with its own digits: `1,013.25`, `12,345,678,901`, `1.5e-7`. */
export function fieldValue(value: unknown): string {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return COUNT.format(value);
    const size = Math.abs(value);
    return size >= LEAST && size < MOST ? VALUE.format(value) : value.toExponential().replace('e+', 'e');
  }
  if (typeof value === 'string') return value;
  return value === undefined ? NOTHING : JSON.stringify(value);
}

/** `12:03:04` in the zone. */
export function clock(at: number, zone?: string): string {
  return isMoment(at) ? formatted(at, zone, CLOCK) : NOTHING;
}

/** `12:03:04` today, `25 Nov, 12:03:04` before, `25 Nov 2025, 12:03:04` in another year. */
export function moment(at: number | null | undefined, now: number, zone?: string): string {
  if (!isNumber(at)) return NOTHING;
  if (!isMoment(at)) return `${at} ms`;
  if (formatted(at, zone, DAY) === formatted(now, zone, DAY)) return clock(at, zone);
  const date = formatted(at, zone, YEAR) === formatted(now, zone, YEAR) ? DATE : DATE_AND_YEAR;
  return `${formatted(at, zone, date)}, ${clock(at, zone)}`;
}

/** `2026-01-31 11:03:04.250 UTC`, as the hover of every time says it. */
export function utc(at: number): string {
  return isMoment(at) ? new Date(at).toISOString().replace('T', ' ').replace('Z', ' UTC') : `${at} ms`;
}

/** `just now`, `12 s ago`, `3 h ago`, `in 5 min` */
export function ago(at: number | null | undefined, now: number): string {
  if (!isNumber(at)) return 'never';
  const seconds = Math.round((now - at) / 1_000);
  if (Math.abs(seconds) < 2) return 'just now';
  const [value, unit] = largest(Math.abs(seconds));
  return seconds < 0 ? `in ${value} ${unit}` : `${value} ${unit} ago`;
}

/** A clock that is ahead: `+2.1 s`; behind: `−4 min 10 s`. */
export function skew(value: number | null | undefined): string {
  if (!isNumber(value)) return NOTHING;
  return `${value > 0 ? '+' : ''}${duration(value / 1_000)}`;
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
const DAY = { day: '2-digit', month: '2-digit', year: 'numeric' } as const;
const YEAR = { year: 'numeric' } as const;
const DATE = { day: 'numeric', month: 'short' } as const;
const DATE_AND_YEAR = { ...DATE, ...YEAR } as const;
/** A list of devices writes hundreds of times at once; making one of these takes longer than all that it writes then. */
const formats = new Map<Intl.DateTimeFormatOptions, Map<string | undefined, Intl.DateTimeFormat>>();
/** What `Date` can hold. */
const FURTHEST_MS = 8.64e15;

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isMoment(at: number): boolean {
  return Math.abs(at) <= FURTHEST_MS;
}

function formatted(at: number, zone: string | undefined, parts: Intl.DateTimeFormatOptions): string {
  const ofParts = formats.get(parts) ?? new Map<string | undefined, Intl.DateTimeFormat>();
  formats.set(parts, ofParts);
  const format =
    ofParts.get(zone) ??
    new Intl.DateTimeFormat('en-GB', { ...parts, hourCycle: 'h23', ...(zone && { timeZone: zone }) });
  ofParts.set(zone, format);
  return format.format(at);
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits))).replace('-', '−');
}

function two(seconds: number, size: number, unit: string, smaller: number, smallerUnit: string): string {
  const first = Math.floor(seconds / size);
  const second = Math.floor((seconds % size) / smaller);
  return second === 0 ? `${first} ${unit}` : `${first} ${unit} ${second} ${smallerUnit}`;
}

function largest(seconds: number): [number, string] {
  if (seconds < 60) return [seconds, 's'];
  if (seconds < 3_600) return [Math.floor(seconds / 60), 'min'];
  if (seconds < 172_800) return [Math.floor(seconds / 3_600), 'h'];
  return [Math.floor(seconds / 86_400), 'd'];
}
