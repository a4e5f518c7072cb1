import { hasNoState, toNumber } from './coerce-value.ts';
import type { CompileContext } from './compile-context.ts';
import { plainNumber } from './decimal-mark.ts';
import type { FilePlace } from './file-place.ts';
import { type Scope, type Source, Unfit } from './scope.ts';

/** Steps that make a number of what is found, in the order in which they are applied. */
export const ARITHMETIC_MEMBERS = ['decimal', 'times', 'over', 'plus', 'round'] as const;
export type ArithmeticSpec = Readonly<Partial<Record<(typeof ARITHMETIC_MEMBERS)[number], unknown>>>;

/** Compiles a source; handed in, because sources have arithmetic themselves. */
export type CompileOperand = (spec: unknown, at: FilePlace, context: CompileContext) => Source | undefined;

/** What becomes of a number; `undefined` when what it is to be reckoned with has no value. */
type Operation = (number: number, scope: Scope) => number | undefined | Unfit;

/** `over: 10` is exact where `times: 0.1` is not, so both exist. */
const OPERATORS: readonly (readonly [
  name: 'times' | 'over' | 'plus',
  reckon: (a: number, b: number) => number,
])[] = [
  ['times', (a, b) => a * b],
  ['over', (a, b) => a / b],
  ['plus', (a, b) => a + b],
];
const DIVIDED_BY_ZERO = new Unfit('is to be divided by 0');
const TOO_LARGE = new Unfit('is too large a number with what it is reckoned with');
/** Beyond these decimals a number of a sensor holds none. */
const MOST_DECIMALS = 9;
/** Nor so many digits: what stands behind them is noise. */
const SENT_DIGITS = 12;

/** Compiles `decimal`, `times`, `over`, `plus` and `round`; `undefined` when there is none of them. */
export function compileArithmetic(
  members: ArithmeticSpec,
  at: FilePlace,
  context: CompileContext,
  compileOperand: CompileOperand,
): ((value: unknown, scope: Scope) => unknown) | undefined {
  const { decimal, round } = members;
  if (decimal !== undefined && decimal !== ',' && decimal !== '.')
    at.at('decimal').fault('must be "," or ".", whichever stands before the decimals');
  const operations = OPERATORS.flatMap(([name, reckon]) => {
    const spec = members[name];
    if (spec === undefined) return [];
    if (name === 'over' && spec === 0) at.at(name).fault('must not be 0');
    return compileOperation(spec, reckon, at.at(name), context, compileOperand) ?? [];
  });
  const rounded = compileRounding(round, at.at('round'));
  if (ARITHMETIC_MEMBERS.every((name) => members[name] === undefined)) return undefined;
  return (value, scope) => {
    if (hasNoState(value)) return undefined;
    const found = toNumber(decimal === undefined ? value : plainNumber(value, decimal as ',' | '.'));
    if (found instanceof Unfit) return found;
    let number = found;
    for (const operate of operations) {
      const result = operate(number, scope);
      if (typeof result !== 'number') return result;
      number = result;
    }
    return rounded === undefined ? number : rounded(number, found);
  };
}

function compileOperation(
  spec: unknown,
  reckon: (a: number, b: number) => number,
  at: FilePlace,
  context: CompileContext,
  compileOperand: CompileOperand,
): Operation | undefined {
  const reckoned = (number: number, operand: number): number | Unfit => {
    const result = reckon(number, operand);
    if (Number.isFinite(result)) return result;
    return operand === 0 ? DIVIDED_BY_ZERO : TOO_LARGE;
  };
  if (Number.isFinite(spec)) return (number) => reckoned(number, spec as number);
  if (typeof spec !== 'string' && (typeof spec !== 'object' || spec === null))
    return at.fault('must be a number, or a source of one');
  const source = compileOperand(spec, at, context);
  return (
    source &&
    ((number, scope) => {
      const value = source.read(scope);
      if (value instanceof Unfit) return value;
      if (hasNoState(value)) return undefined;
      const operand = toNumber(value);
      return operand instanceof Unfit ? operand : reckoned(number, operand);
    })
  );
}

/** What is made of the result, and of what was found before it was scaled. */
type Rounding = (number: number, found: number) => number;

/** `true` = to a whole number, a number = to so many decimals, `"sent"` = to as many as what was found has. */
function compileRounding(spec: unknown, at: FilePlace): Rounding | undefined {
  if (spec === undefined) return undefined;
  if (spec === true) return Math.round;
  if (spec === 'sent') return (number, found) => roundTo(number, decimalsOf(found));
  if (Number.isInteger(spec) && (spec as number) >= 1 && (spec as number) <= MOST_DECIMALS)
    return (number) => roundTo(number, spec as number);
  return at.fault(`must be true, a number of decimals from 1 to ${MOST_DECIMALS}, or "sent"`);
}

function roundTo(number: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(number * factor) / factor;
}

/**
 * Decimals that a number was sent with, as far as it still says: JSON's 21.0 is 21, so it is one at least. What reckoning in
 * a source below added is no part of it: 69.6 − 32 is 37.599999999999994.
 */
function decimalsOf(number: number): number {
  const text = String(Number(number.toPrecision(SENT_DIGITS)));
  const point = text.indexOf('.');
  return Math.min(MOST_DECIMALS, Math.max(1, point < 0 || text.includes('e') ? 1 : text.length - point - 1));
}
