import { LIMITS } from '#contract/limits.ts';
import { pointerTokens } from '#contract/mapping/json-pointer.ts';
import { compileTimePattern, isoFormat } from '#contract/mapping/time-text.ts';
import { type WallClock, wallTimeOf } from '#contract/mapping/wall-clock.ts';
import type { FoundValues } from './found-fields.ts';

export interface GuessedTime {
  /** Its place. */
  readonly at: string;
  readonly ts: Readonly<Record<string, unknown>>;
}

/** What a time is called. */
export const TIME_MEMBER =
  /^(t|ts|tst|time|timestamp|time_?stamp|date|date_?time|last_?seen|measured_?at|created_?at|gwts|tm|epoch|utc)$/i;
const UNITS: readonly (readonly [format: string, perMs: number])[] = [
  ['ms', 1],
  ['s', 0.001],
  ['us', 1_000],
  ['ns', 1_000_000],
];
/** Those with the day first come first: where the month is first, the day does not fit for most of the month. */
const PATTERNS = [
  'dd.MM.yyyy HH:mm:ss',
  'dd.MM.yyyy HH:mm',
  'dd/MM/yyyy HH:mm:ss',
  'MM/dd/yyyy HH:mm:ss',
  'yyyy/MM/dd HH:mm:ss',
  'yyyy.MM.dd HH:mm:ss',
  'dd-MM-yyyy HH:mm:ss',
  'yyyyMMddHHmmss',
  "yyyyMMdd'T'HHmmss",
].flatMap((format) => {
  const compiled = compileTimePattern(format);
  return 'problem' in compiled ? [] : [[format, compiled] as const];
});
const LONGEST_TEXT = 64;
const DAY_MS = 86_400_000;

/**
 * The first place that is called like a time, else the first one at all, whose values are times at which such a message
 * may have been measured.
 *
 * @param above `^` when the places are those of the element above
 */
export function guessTime(
  values: FoundValues,
  receivedAt: readonly number[],
  unsure: string[],
  above = '',
): GuessedTime | undefined {
  const calledSo = (place: string): boolean => TIME_MEMBER.test(pointerTokens(place)?.at(-1) ?? '');
  const places = [...values.keys()].filter((place) => place !== '');
  for (const place of [...places.filter(calledSo), ...places.filter((one) => !calledSo(one))]) {
    const guess = timeOf(values.get(place) ?? [], receivedAt);
    if (guess === undefined) continue;
    const at = `${above}${place}`;
    unsure.push(`${at} is the time${guess.inWords}`);
    return { at, ts: { at, ...guess.ts, else: 'received' } };
  }
  return undefined;
}

interface Guess {
  readonly ts: Readonly<Record<string, unknown>>;
  readonly inWords: string;
}

function timeOf(found: readonly unknown[], receivedAt: readonly number[]): Guess | undefined {
  const unit = epochOf(found, receivedAt);
  if (unit !== undefined) return { ts: { format: unit }, inWords: `, in ${unit} since the epoch` };
  const texts = found.map((value) =>
    typeof value === 'string' && value.length <= LONGEST_TEXT ? value.trim() : '',
  );
  if (texts.length === 0) return undefined;
  for (const [format, read] of [['iso', isoFormat] as const, ...PATTERNS]) {
    const clocks = texts.map(read);
    if (!clocks.every((clock) => clock !== undefined && isNear(clock, receivedAt))) continue;
    const local = clocks.some((clock) => clock?.offset === undefined);
    return {
      ts: { format, ...(local && { zone: 'site' }) },
      inWords: `${format === 'iso' ? '' : `, written ${format}`}${local ? ", of the site's zone (SITE_ZONE)" : ''}`,
    };
  }
  return undefined;
}

/** Whether such a message may have been measured then, wherever on earth. */
function isNear(clock: WallClock, receivedAt: readonly number[]): boolean {
  const wall = wallTimeOf(clock);
  if (wall === undefined) return false;
  return (
    wall >= Math.min(...receivedAt) - LIMITS.maxAgeMs - DAY_MS && wall <= Math.max(...receivedAt) + DAY_MS
  );
}

function epochOf(found: readonly unknown[], receivedAt: readonly number[]): string | undefined {
  const numbers = found.map((value) => {
    if (typeof value === 'string') return /^\d{9,20}$/.test(value) ? Number(value) : Number.NaN;
    return typeof value === 'number' ? value : Number.NaN;
  });
  const earliest = Math.min(...receivedAt) - LIMITS.maxAgeMs;
  const latest = Math.max(...receivedAt) + LIMITS.maxSkewMs;
  return UNITS.find(
    ([, perMs]) =>
      numbers.length > 0 && numbers.every((value) => value / perMs >= earliest && value / perMs <= latest),
  )?.[0];
}
