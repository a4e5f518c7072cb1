import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteLongWholeNumbers } from '#contract/mapping/whole-number-digits.ts';

describe('digits of whole numbers', () => {
  it('keeps them where a number cannot hold them', () => {
    expect(JSON.parse(quoteLongWholeNumbers('{"t":1795168800000000001,"u":-1795168800000000001}'))).toEqual({
      t: '1795168800000000001',
      u: '-1795168800000000001',
    });
  });

  it.each(['1795168800000000001', ' 9007199254740993', '[1,-9007199254740993]', '{"a" :\n9007199254740993}'])(
    'finds one wherever it may stand: %j',
    (json) => {
      expect(quoteLongWholeNumbers(json)).toBe(json.replace(/-?\d{16,}/, '"$&"'));
    },
  );

  it.each([
    '{"a":123456789012345}',
    '[9007199254740991,1795168800165999]',
    '1234567890123456.5',
    '[12345678901234567e2]',
    '{"1795168800000000001":"1795168800000000001\\""}',
  ])('leaves %s alone', (json) => {
    expect(quoteLongWholeNumbers(json)).toBe(json);
  });

  it('what is parsed is the same, but for such numbers', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(value, (it) => {
        const json = JSON.stringify(it);
        const back = JSON.stringify(JSON.parse(quoteLongWholeNumbers(json))).replace(/"(-?\d{16,})"/g, '$1');
        expect(back).toBe(json.replace(/"(-?\d{16,})"/g, '$1'));
      }),
    );
  });

  it('[P10] goes over the text once, whatever the text', () => {
    // Looked at again from each quote, this would be 10^11 steps.
    const text = `"${'\\"'.repeat(300_000)}`;
    expect(quoteLongWholeNumbers(text)).toBe(text);
  });
});
