import { LIMITS } from '#contract/limits.ts';
import { pointerTokens } from '#contract/mapping/json-pointer.ts';
import { isoFormat } from '#contract/mapping/time-text.ts';
import type { FoundValues } from './found-fields.ts';

export interface GuessedTime {
  /** Its place. */
  readonly at: string;
  readonly ts: Readonly<Record<string, unknown>>;
}

const TIME_MEMBER =
  /^(t|ts|tst|time|timestamp|time_?stamp|date|date_?time|last_?seen|measured_?at|created_?at|gwts|tm)$/i;
const UNITS: readonly (readonly [format: string, perMs: number])[] = [
  ['ms', 1],
  ['s', 0.001],
  ['us', 1_000],
  ['ns', 1_000_000],
];

/** The first place that is called like a time, and whose values are times at which such a message may have been measured. */
export function guessTime(
  values: FoundValues,
  receivedAt: readonly number[],
  unsure: string[],
): GuessedTime | undefined {
  for (const [at, found] of values) {
    const name = pointerTokens(at)?.at(-1);
    if (name === undefined || !TIME_MEMBER.test(name)) continue;
    const format = epochOf(found, receivedAt);
    if (format !== undefined) {
      unsure.push(`${at} is the time, in ${format} since the epoch`);
      return { at, ts: { at, format, else: 'received' } };
    }
    const clocks = found.map((value) =>
      typeof value === 'string' && value.length <= 64 ? isoFormat(value.trim()) : undefined,
    );
    if (clocks.length === 0 || !clocks.every((clock) => clock !== undefined)) continue;
    const local = clocks.some((clock) => clock?.offset === undefined);
    unsure.push(local ? `${at} is the time, of the site's zone (SITE_ZONE)` : `${at} is the time`);
    return { at, ts: { at, format: 'iso', ...(local && { zone: 'site' }), else: 'received' } };
  }
  return undefined;
}

function epochOf(found: readonly unknown[], receivedAt: readonly number[]): string | undefined {
  const numbers = found.map((value) =>
    typeof value === 'string' && !/^\d{9,20}$/.test(value) ? Number.NaN : Number(value),
  );
  const earliest = Math.min(...receivedAt) - LIMITS.maxAgeMs;
  const latest = Math.max(...receivedAt) + LIMITS.maxSkewMs;
  return UNITS.find(
    ([, perMs]) =>
      numbers.length > 0 && numbers.every((value) => value / perMs >= earliest && value / perMs <= latest),
  )?.[0];
}
