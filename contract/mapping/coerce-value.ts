import type { FieldKind, FieldValue } from '#contract/reading.ts';
import { Unfit } from './scope.ts';

/** Words that devices write where there is no value. */
const ABSENT: ReadonlySet<string> = new Set(['', 'null', 'nan', '-nan', '+nan', 'unavailable', 'n/a']);
/** And where there is no state: Home Assistant's `unknown`, Python's `None`. As a text each of them may be a state. */
const NO_STATE: ReadonlySet<string> = new Set(['unknown', 'none']);
const TRUE: ReadonlySet<string> = new Set(['on', 'true', '1']);
const FALSE: ReadonlySet<string> = new Set(['off', 'false', '0']);
/** Longer text is no number: a bound for the expression below, which looks again where it failed. */
const NUMBER_LENGTH = 64;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
/** What scaling may have added to a whole number, relative to it. */
const NOISE = 1e-12;

const NOT_A_NUMBER = new Unfit('must be a number');
const NOT_WHOLE = new Unfit('must be a whole number (a mapping may say "round": true)');
const NOT_A_BOOLEAN = new Unfit('must be true or false, on or off, 1 or 0 (a mapping may say "map")');
const NOT_A_TEXT = new Unfit('must be a text');

/**
 * What a foreign value is as a field of this kind: text becomes a number or a boolean where the schema wants one.
 * `undefined` = there is no value, and the field is left out.
 */
export function coerceValue(kind: FieldKind, raw: unknown): FieldValue | undefined | Unfit {
  if (kind === 'string' ? isAbsent(raw) : hasNoState(raw)) return undefined;
  if (raw instanceof Unfit) return raw;
  switch (kind) {
    case 'float':
      return toNumber(raw);
    case 'integer':
      return toInteger(raw);
    case 'boolean':
      return toBoolean(raw);
    case 'string':
      return typeof raw === 'object' ? NOT_A_TEXT : String(raw);
  }
}

/** `null`, the empty text, `nan`, `unavailable`, `n/a`, in any case: the device has no value. */
export function isAbsent(raw: unknown): boolean {
  if (raw === undefined || raw === null) return true;
  if (typeof raw !== 'string') return false;
  return raw.length <= 16 && ABSENT.has(raw.trim().toLowerCase());
}

/** The same of a number or a state, which may also be `unknown` or `none`. */
export function hasNoState(raw: unknown): boolean {
  if (isAbsent(raw)) return true;
  return typeof raw === 'string' && raw.length <= 16 && NO_STATE.has(raw.trim().toLowerCase());
}

/** A number, or text that is one in decimal notation. */
export function toNumber(raw: unknown): number | Unfit {
  if (typeof raw === 'number' || raw instanceof Unfit) return raw;
  if (typeof raw !== 'string' || raw.length > NUMBER_LENGTH) return NOT_A_NUMBER;
  const text = raw.trim();
  return NUMBER.test(text) ? Number(text) : NOT_A_NUMBER;
}

function toInteger(raw: unknown): number | Unfit {
  const value = toNumber(raw);
  if (value instanceof Unfit || Number.isInteger(value)) return value;
  const whole = Math.round(value);
  return Math.abs(value - whole) <= NOISE * Math.max(1, Math.abs(value)) ? whole : NOT_WHOLE;
}

function toBoolean(raw: unknown): boolean | Unfit {
  if (typeof raw === 'boolean') return raw;
  if (typeof raw === 'number') return raw === 1 ? true : raw === 0 ? false : NOT_A_BOOLEAN;
  if (typeof raw !== 'string' || raw.length > 16) return NOT_A_BOOLEAN;
  const word = raw.trim().toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : NOT_A_BOOLEAN;
}
