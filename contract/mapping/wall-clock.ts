import type { WallTime } from './time-zone.ts';

/** A date and a time of day as text holds them. */
export interface WallClock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
  /** Minutes ahead of UTC, if the text says so. */
  offset: number | undefined;
}

/** `undefined` when there is no such date or time (a 30th of February, an hour 25). Second 60 is the next minute's first. */
export function wallTimeOf(clock: WallClock): WallTime | undefined {
  const { year, month, day, hour, minute, second, millisecond } = clock;
  if (month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59 || second > 60) return undefined;
  if (hour === 24 && minute + second + millisecond > 0) return undefined;
  const date = new Date(Date.UTC(2000, month - 1, 1));
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
}

/** Milliseconds of the digits of a fraction of a second; what is finer is cut off. */
export function millisecondsOf(digits: string): number {
  return Number(digits.slice(0, 3).padEnd(3, '0'));
}

/** Minutes of `Z`, `+01:00`, `-0130`, `+01`; `undefined` for no offset. */
export function offsetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'Z' || text === 'z') return 0;
  const digits = text.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0);
  return text.startsWith('-') ? -minutes : minutes;
}
