import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexLines, type Mark, markedStretches } from './marked-text.ts';

describe('marked stretches', () => {
  it('cuts the text where the mark is', () => {
    expect(markedStretches('{"a":"x"}', [{ offset: 5, length: 3 }])).toEqual([
      { text: '{"a":', fault: undefined },
      { text: '"x"', fault: 0 },
      { text: '}', fault: undefined },
    ]);
  });

  it('marks the end of a text that stops too early', () => {
    expect(markedStretches('{"a"', [{ offset: 4, length: 0 }])).toEqual([
      { text: '{"a"', fault: undefined },
      { text: '', fault: 0 },
    ]);
  });

  it('a fault without a place marks nothing', () => {
    expect(markedStretches('[]', [{ offset: null, length: 0 }])).toEqual([{ text: '[]', fault: undefined }]);
  });

  it('no mark adds, drops or moves a character', () => {
    const mark: fc.Arbitrary<Mark> = fc.record({
      offset: fc.option(fc.integer({ min: 0, max: 50 })),
      length: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.array(mark, { maxLength: 8 }), (text, marks) => {
        const stretches = markedStretches(text, marks);
        expect(stretches.map((stretch) => stretch.text).join('')).toBe(text);
      }),
    );
  });
});

describe('hex lines', () => {
  it('show offset, bytes and what of them is ASCII', () => {
    expect(hexLines(Uint8Array.from([0x7b, 0xb0, 0x43, 0x0a]))).toEqual([
      `000000  7b b0 43 0a${' '.repeat(36)}  {·C·`,
    ]);
  });

  it('end at the limit', () => {
    expect(hexLines(new Uint8Array(1_000), 40).map((line) => line.slice(0, 6))).toEqual([
      '000000',
      '000010',
      '000020',
    ]);
  });
});
