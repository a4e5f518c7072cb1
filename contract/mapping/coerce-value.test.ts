import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coerceValue } from '#contract/mapping/coerce-value.ts';
import { Unfit } from '#contract/mapping/scope.ts';
import type { FieldKind } from '#contract/reading.ts';

const UNFIT = 'unfit';

function coerce(kind: FieldKind, raw: unknown): unknown {
  const value = coerceValue(kind, raw);
  return value instanceof Unfit ? UNFIT : value;
}

describe('kinds of values', () => {
  it.each<[FieldKind, unknown, unknown]>([
    ['float', 21.8, 21.8],
    ['float', '21.8', 21.8],
    ['float', ' -80.000000\r\n', -80],
    ['float', '00.498', 0.498],
    ['float', '.5', 0.5],
    ['float', '5.', 5],
    ['float', '1.795e+09', 1.795e9],
    ['float', '0x10', UNFIT],
    ['float', 'Infinity', UNFIT],
    ['float', '21,8', UNFIT],
    ['float', '21.8 °C', UNFIT],
    ['float', true, UNFIT],
    ['float', [1], UNFIT],
    ['float', {}, UNFIT],
    ['float', '1'.repeat(65), UNFIT],
    ['integer', 5321.567 * 1000, 5321567],
    ['integer', '7', 7],
    ['integer', '7.0', 7],
    ['integer', 7.5, UNFIT],
    ['integer', 7.000001, UNFIT],
    ['boolean', 'ON', true],
    ['boolean', 'off', false],
    ['boolean', 'True', true],
    ['boolean', '0', false],
    ['boolean', 1, true],
    ['boolean', 2, UNFIT],
    ['boolean', 'overpower', UNFIT],
    ['boolean', 'x'.repeat(100_000), UNFIT],
    ['string', '0002', '0002'],
    ['string', 5, '5'],
    ['string', false, 'false'],
    ['string', {}, UNFIT],
  ])('%s of %j', (kind, raw, expected) => {
    expect(coerce(kind, raw)).toBe(expected);
  });

  it.each([null, undefined, '', 'nan', 'NaN', ' nan ', 'unavailable', 'N/A'])(
    '%j is no value of any kind',
    (raw) => {
      for (const kind of ['float', 'integer', 'boolean', 'string'] as const)
        expect(coerce(kind, raw)).toBeUndefined();
    },
  );

  it.each(['unknown', ' None '])('%j is no number and no state, but it is a text', (raw) => {
    for (const kind of ['float', 'integer', 'boolean'] as const) expect(coerce(kind, raw)).toBeUndefined();
    expect(coerce('string', raw)).toBe(raw);
  });

  it('keeps every number, as itself and as text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(coerce('float', number)).toBe(number);
        expect(coerce('float', String(number))).toBe(Object.is(number, -0) ? 0 : number);
      }),
    );
  });
});
