import { Unfit } from './scope.ts';

/** Longer text is no number. */
const LENGTH = 64;
/**
 * Digits, or groups of three with the same mark between them: 1.234.567, 1'234'567, 1 234 567. The first begins with no 0:
 * `0.125` where a comma was said is a number with a point, not 125.
 */
const WHOLE = /^[+-]?(?:\d*|[1-9]\d{0,2}(?:([.,'’ \u00a0\u202f])\d{3})(?:\1\d{3})*)$/u;
const FRACTION = /^\d*(?:[eE][+-]?\d+)?$/;
const MARKS = /[.,'’ \u00a0\u202f]/gu;

const NO_NUMBER = { ',': noNumber(','), '.': noNumber('.') };

/**
 * A number as people write it, `mark` before its decimals and any other mark between groups of three digits, as it is
 * written in JSON: `1.234,5` is `1234.5`. What is no text is given back.
 */
export function plainNumber(value: unknown, mark: ',' | '.'): unknown {
  if (typeof value !== 'string') return value;
  if (value.length > LENGTH) return NO_NUMBER[mark];
  const [whole = '', fraction, ...others] = value.trim().split(mark);
  if (!WHOLE.test(whole) || others.length > 0 || !FRACTION.test(fraction ?? '')) return NO_NUMBER[mark];
  const digits = whole.replace(MARKS, '');
  return fraction === undefined ? digits : `${digits}.${fraction}`;
}

function noNumber(mark: string): Unfit {
  return new Unfit(`must be a number with ${JSON.stringify(mark)} before its decimals`);
}
