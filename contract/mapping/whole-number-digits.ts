const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** `.`, `e`, `E`, `+`, `-`: what makes a number more than a row of digits. */
const PARTS_OF_NUMBERS: ReadonlySet<number> = new Set([0x2e, 0x65, 0x45, 0x2b, 0x2d]);
/** 2^53 has sixteen digits. */
const EXACT_DIGITS = 15;
/**
 * Most texts have no digits that many in a row. Written out, V8 skips by sixteen, for 4 to 15 % of what parsing costs;
 * `\d{16}` is a loop to it, and takes ten times as long.
 */
const MANY_DIGITS = new RegExp('\\d'.repeat(EXACT_DIGITS + 1));
/** Of those that have, most have them behind a decimal point. A third of what parsing costs. */
const MAY_HAVE_ONE = new RegExp(`(?:^|[-:,[\\s])\\d{${EXACT_DIGITS + 1}}`);

/**
 * JSON text in which whole numbers beyond 2^53 stand in quotes, so that parsing keeps their digits: nanoseconds since the
 * epoch would be wrong by up to 128, and two ids of 64 bits become one. One pass, whatever the text.
 */
export function quoteLongWholeNumbers(json: string): string {
  if (!MANY_DIGITS.test(json) || !MAY_HAVE_ONE.test(json)) return json;
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at);
    else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(json, at);
      if (end - at > EXACT_DIGITS && isWhole(json, at, end) && !isExact(json.slice(at, end))) {
        parts.push(json.slice(copied, at), '"', json.slice(at, end), '"');
        copied = end;
      }
      at = end - 1;
    }
  }
  return parts.length === 0 ? json : parts.join('') + json.slice(copied);
}

const LONG_WHOLE_NUMBER = new RegExp(`^-?\\d{${EXACT_DIGITS + 1},}$`);

/** What was a whole number beyond 2^53, or may have been one, as near as a number comes; else `undefined`. */
export function longWholeNumber(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length <= EXACT_DIGITS || !LONG_WHOLE_NUMBER.test(value))
    return undefined;
  return isExact(value) ? undefined : Number(value);
}

function endOfString(json: string, openingQuote: number): number {
  let at = openingQuote + 1;
  while (at < json.length && json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function endOfNumber(json: string, start: number): number {
  let end = start + 1;
  while (end < json.length && (isDigit(json.charCodeAt(end)) || PARTS_OF_NUMBERS.has(json.charCodeAt(end))))
    end++;
  return end;
}

function isWhole(json: string, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at++) if (!isDigit(json.charCodeAt(at))) return false;
  return true;
}

function isExact(digits: string): boolean {
  return Number.isSafeInteger(Number(digits));
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}
