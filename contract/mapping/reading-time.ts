import { hasNoState, isAbsent, toNumber } from './coerce-value.ts';
import type { CompileContext, Zones } from './compile-context.ts';
import type { FilePlace } from './file-place.ts';
import { type Scope, type Source, Unfit } from './scope.ts';
import { compileSource } from './source.ts';
import { compileTimePattern, isoFormat, type TimeFormat } from './time-text.ts';
import type { TimeZone } from './time-zone.ts';
import { wallTimeOf } from './wall-clock.ts';

/** Compiled `ts`: milliseconds since the epoch, or why there are none. */
export interface ReadingTime {
  readonly read: (scope: Scope) => number | Unfit;
  readonly place: Source['place'];
}

/** How many digits a unit has below a millisecond. */
const FINER_THAN_MS: Readonly<Record<string, number>> = { us: 3, ns: 6 };
/** Since 2001 and until 5138 the number of digits says the unit: which is so for each of them. */
const UNIT_BY_DIGITS: readonly (readonly [mostDigits: number, unit: string])[] = [
  [11, 's'],
  [14, 'ms'],
  [17, 'us'],
];
/** A clock before 2010 was never set: the time is the uptime, or the beginning of some epoch. */
const CLOCK_WAS_SET = Date.UTC(2010);
const TEXT_LENGTH = 64;
const DIGITS = /^[+-]?(\d+)(?:\.(\d*))?$/;

const MISSING = new Unfit('the time is missing (a mapping may say "else": "received")');
const NO_OFFSET = new Unfit(
  'what is added to the time is missing ({"first": […, {"const": 0}]} allows that)',
);
const NO_EPOCH = new Unfit('must be a number of the unit that the mapping says');
const NO_TEXT = new Unfit('must be a text to be read as a time');
const NO_TIME = new Unfit('is no time of the format that the mapping says');
const NO_ZONE = new Unfit('is a local time, and the mapping says no "zone"');

/**
 * Compiles `ts`: `"received"`, or `{"at": source, "format": … or a list, "zone": …, "else": "received", "plus": source}`.
 * `plus` are milliseconds after that time, of a sample in a series.
 */
export function compileReadingTime(
  spec: unknown,
  at: FilePlace,
  context: CompileContext,
): ReadingTime | undefined {
  if (spec === 'received') {
    return { read: ({ receivedAt }) => receivedAt, place: () => undefined };
  }
  if (spec === undefined) return at.fault('is missing: "received", or where the time stands');
  const members = at.object(spec, ['at', 'format', 'zone', 'else', 'plus']);
  if (members === undefined) return undefined;
  const source = compileSource(members.at, at.at('at'), context);
  if (members.else !== undefined && members.else !== 'received') at.at('else').fault('must be "received"');
  const formats: readonly unknown[] = Array.isArray(members.format) ? members.format : [members.format];
  const converters = formats.map((format, index) => {
    if (EPOCHS.includes(format as string)) return CONVERTERS[format as string];
    const place = Array.isArray(members.format) ? at.at('format').at(index) : at.at('format');
    return textConverter(format, members.zone, place, at.at('zone'), context);
  });
  if (members.zone !== undefined && formats.every((format) => EPOCHS.includes(format as string)))
    at.at('zone').fault('an epoch has no zone');
  if (formats.length === 0) at.at('format').fault('an empty list allows nothing');
  if (source === undefined || !converters.every((one) => one !== undefined)) return undefined;
  const convert = firstThatFits(converters);
  const fallback = members.else === 'received';
  const plus = members.plus === undefined ? undefined : compileSource(members.plus, at.at('plus'), context);
  return {
    read: laterBy(plus, (scope) => {
      const raw = source.read(scope);
      if (raw instanceof Unfit) return raw;
      if (isAbsent(raw)) return fallback ? scope.receivedAt : MISSING;
      const instant = convert(raw, scope.receivedAt);
      return fallback && typeof instant === 'number' && instant < CLOCK_WAS_SET ? scope.receivedAt : instant;
    }),
    place: source.place,
  };
}

/** The time, and as many milliseconds after it as the source says. */
function laterBy(plus: Source | undefined, read: ReadingTime['read']): ReadingTime['read'] {
  if (plus === undefined) return read;
  return (scope) => {
    const base = read(scope);
    const found = plus.read(scope);
    const offset = hasNoState(found) ? NO_OFFSET : toNumber(found);
    if (base instanceof Unfit || offset instanceof Unfit) return base instanceof Unfit ? base : offset;
    return Math.round(base + offset);
  };
}

type Converter = (raw: unknown, receivedAt: number) => number | Unfit;

/** The unit is a setting of some senders (Telegraf's `json_timestamp_units`), and told by the number alone. */
function anyEpoch(raw: unknown, receivedAt: number): number | Unfit {
  const digits = /^[0-9]+/.exec(String(raw).trim())?.[0].length ?? 0;
  const unit = UNIT_BY_DIGITS.find(([most]) => digits <= most)?.[1] ?? 'ns';
  return (CONVERTERS[unit] as Converter)(raw, receivedAt);
}

/** Text is taken by its digits: nanoseconds since the epoch are beyond what a number holds exactly. */
function epochConverter(unit: string): Converter {
  const finer = FINER_THAN_MS[unit] ?? 0;
  const factor = unit === 's' ? 1000 : 10 ** -finer;
  return (raw) => {
    if (typeof raw === 'number') return inMilliseconds(raw, factor, finer);
    if (typeof raw !== 'string' || raw.length > TEXT_LENGTH) return NO_EPOCH;
    const text = raw.trim();
    const match = DIGITS.exec(text);
    if (match === null) return NO_EPOCH;
    const digits = match[1] as string;
    if (finer === 0 || text.startsWith('-')) return inMilliseconds(Number(text), factor, finer);
    return digits.length <= finer ? 0 : Number(digits.slice(0, -finer));
  };
}

/** Seconds with a fraction are rounded, since 1.06 s is 1060 ms; finer units are cut. */
function inMilliseconds(value: number, factor: number, finer: number): number {
  if (finer > 0) return Math.floor(value / 10 ** finer);
  return Math.round(value * factor);
}

const CONVERTERS: Readonly<Record<string, Converter>> = {
  s: epochConverter('s'),
  ms: epochConverter('ms'),
  us: epochConverter('us'),
  ns: epochConverter('ns'),
  epoch: anyEpoch,
};
const EPOCHS = Object.keys(CONVERTERS);

/** Of several formats the first in which the value is a time; what the last one says when it is none. */
function firstThatFits(converters: readonly Converter[]): Converter {
  const [only] = converters;
  if (only !== undefined && converters.length === 1) return only;
  return (raw, receivedAt) => {
    let instant: number | Unfit = NO_TIME;
    for (const convert of converters) {
      instant = convert(raw, receivedAt);
      if (typeof instant === 'number') return instant;
    }
    return instant;
  };
}

function textConverter(
  format: unknown,
  zone: unknown,
  at: FilePlace,
  zoneAt: FilePlace,
  { zones }: CompileContext,
): Converter | undefined {
  const read = compileFormat(format, at);
  const timeZone = zone === undefined ? undefined : compileZone(zone, zoneAt, zones);
  if (read === undefined) return undefined;
  return (found, receivedAt) => {
    // 20261120100000 is what yyyyMMddHHmmss says, also as a number.
    const raw = format !== 'iso' && Number.isSafeInteger(found) ? String(found) : found;
    if (typeof raw !== 'string' || raw.length > TEXT_LENGTH) return NO_TEXT;
    const clock = read(raw.trim());
    const wall = clock && wallTimeOf(clock);
    if (clock === undefined || wall === undefined) return NO_TIME;
    if (clock.offset !== undefined) return wall - clock.offset * 60_000;
    return timeZone === undefined ? NO_ZONE : timeZone.instantOf(wall, receivedAt);
  };
}

function compileFormat(format: unknown, at: FilePlace): TimeFormat | undefined {
  if (format === 'iso') return isoFormat;
  if (typeof format !== 'string' || format.length > TEXT_LENGTH) {
    return at.fault(`must be ${EPOCHS.join(', ')}, iso or a pattern like dd/MM/yyyy HH:mm:ss`);
  }
  const compiled = compileTimePattern(format);
  return 'problem' in compiled ? at.fault(compiled.problem) : compiled;
}

function compileZone(zone: unknown, at: FilePlace, zones: Zones): TimeZone | undefined {
  if (typeof zone !== 'string') return at.fault('must be a zone such as Europe/Berlin, or "site"');
  try {
    return zones.get(zone);
  } catch {
    return at.fault(`${JSON.stringify(zone)} is no time zone that is known (Europe/Berlin, UTC, "site")`);
  }
}
