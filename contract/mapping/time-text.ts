import { millisecondsOf, offsetOf, type WallClock } from './wall-clock.ts';

/** Reads a text of one format; `undefined` when it is none. */
export type TimeFormat = (text: string) => WallClock | undefined;

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** ISO 8601 as devices write it: also with a space, without seconds or zone, with up to twelve digits of fraction. */
export const isoFormat: TimeFormat = (text) => {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    millisecond: fraction === undefined ? 0 : millisecondsOf(fraction),
    offset: offsetOf(offset),
  };
};

/** What one part of a text says. `afternoon` is resolved when all parts are read. */
type Field = (found: string) => Partial<WallClock> & { readonly afternoon?: boolean };

const MONTH_NAMES = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august'],
  ...['september', 'october', 'november', 'december'],
];
const MONTHS = MONTH_NAMES.map((name) => name.slice(0, 3));
const offset: Field = (text) => ({ offset: offsetOf(text) });

/** Letters of a pattern, as Unicode TR 35 has them (Java, .NET, Luxon); longer ones first. */
const TOKENS: readonly (readonly [token: string, expression: string, field: Field])[] = [
  ['yyyy', '(\\d{4})', (text) => ({ year: Number(text) })],
  ['yy', '(\\d{2})', (text) => ({ year: 2000 + Number(text) })],
  ['MMMM', '([A-Za-z]{3,9})', (text) => ({ month: MONTH_NAMES.indexOf(text.toLowerCase()) + 1 })],
  ['MMM', '([A-Za-z]{3})', (text) => ({ month: MONTHS.indexOf(text.toLowerCase()) + 1 })],
  ['MM', '(\\d{2})', (text) => ({ month: Number(text) })],
  ['M', '(\\d{1,2})', (text) => ({ month: Number(text) })],
  ['dd', '(\\d{2})', (text) => ({ day: Number(text) })],
  ['d', '(\\d{1,2})', (text) => ({ day: Number(text) })],
  ['EEEE', '([A-Za-z]{6,9})', () => ({})],
  ['EEE', '([A-Za-z]{2,3})', () => ({})],
  ['HH', '(\\d{2})', (text) => ({ hour: Number(text) })],
  ['H', '(\\d{1,2})', (text) => ({ hour: Number(text) })],
  ['hh', '(\\d{2})', (text) => ({ hour: Number(text) % 12 })],
  ['h', '(\\d{1,2})', (text) => ({ hour: Number(text) % 12 })],
  ['a', '([AaPp][Mm])', (text) => ({ afternoon: text.toLowerCase() === 'pm' })],
  ['mm', '(\\d{2})', (text) => ({ minute: Number(text) })],
  ['ss', '(\\d{2})', (text) => ({ second: Number(text) })],
  ['S', '(\\d{1,12})', (text) => ({ millisecond: millisecondsOf(text) })],
  ['XXX', '([Zz]|[+-]\\d{2}:?\\d{2})', offset],
  ['X', '([Zz]|[+-]\\d{2}(?::?\\d{2})?)', offset],
  ['Z', '([Zz]|[+-]\\d{2}:?\\d{2})', offset],
  ['?', '[^]', () => ({})],
];

/**
 * Compiles a pattern such as `dd/MM/yyyy HH:mm:ss`. Letters in quotes stand for themselves ('T'), `?` for any one
 * character, everything else for itself. Every part has a fixed or small length, so that looking costs a bounded time.
 */
export function compileTimePattern(pattern: string): TimeFormat | { readonly problem: string } {
  let expression = '';
  const fields: Field[] = [];
  const seen = new Set<string>();
  for (let rest = pattern; rest !== ''; ) {
    const quoted = /^'([^']*)'/.exec(rest);
    if (quoted !== null) {
      expression += RegExp.escape(quoted[1] === '' ? "'" : (quoted[1] as string));
      rest = rest.slice(quoted[0].length);
      continue;
    }
    const known = TOKENS.find(([token]) => rest.startsWith(token));
    if (known === undefined && /^[A-Za-z']/.test(rest)) {
      return {
        problem: `${JSON.stringify(rest)} begins with no known letters (fixed letters stand in quotes: 'T')`,
      };
    }
    const [token, part, field] = known ?? [rest.slice(0, 1), RegExp.escape(rest.slice(0, 1)), undefined];
    expression += part;
    if (part.startsWith('(') && field !== undefined) {
      fields.push(field);
      seen.add(token.slice(0, 1));
    }
    rest = rest.slice(token.length);
    // A fraction may be written with any number of S.
    if (token === 'S') rest = rest.replace(/^S+/, '');
  }
  for (const needed of ['y', 'M', 'd']) {
    if (!seen.has(needed)) return { problem: `has no ${needed}: year, month and day are needed` };
  }
  const compiled = new RegExp(`^${expression}$`);
  return (text) => {
    const match = compiled.exec(text);
    if (match === null) return undefined;
    const clock: WallClock & { afternoon?: boolean } = { ...MIDNIGHT };
    for (const [index, field] of fields.entries()) Object.assign(clock, field(match[index + 1] as string));
    if (clock.afternoon === true) clock.hour += 12;
    return clock;
  };
}

const MIDNIGHT: WallClock = {
  year: 0,
  month: 0,
  day: 0,
  hour: 0,
  minute: 0,
  second: 0,
  millisecond: 0,
  offset: undefined,
};
