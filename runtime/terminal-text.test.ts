import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shortened, terminalJson, terminalText } from '#runtime/terminal-text.ts';

const HARMFUL = /[\p{C}\p{Zl}\p{Zp}]/u;
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
  // Lone surrogates, bidi controls, C1, tags.
  fc
    .array(fc.constantFrom('\ud800', '\u202e', '\u2066', '\u009b31m', '\u001b]0;x\u0007', '\u{e0041}', 'a'))
    .map((p) => p.join('')),
);

describe('[P10] text for a terminal', () => {
  test('holds nothing that moves, recolours, reorders or hides', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(terminalText(text)).not.toMatch(HARMFUL);
      }),
    );
  });

  test('leaves ordinary text of any script alone', () => {
    expect(terminalText('dev-1 «21,5 °C» 温度 🌡')).toBe('dev-1 «21,5 °C» 温度 🌡');
  });

  test('shows what it takes out', () => {
    expect(terminalText('\u001b[31mred\u202e\tx\n')).toBe('\\u{1b}[31mred\\u{202e}\\tx\\n');
  });

  test('JSON stays the same JSON', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const line = terminalJson({ [text]: [text] });
        expect(line).not.toMatch(HARMFUL);
        expect(JSON.parse(line)).toEqual({ [text]: [text] });
      }),
    );
  });

  test('is shortened to its width, never in the middle of a character', () => {
    expect(shortened('12345', 5)).toBe('12345');
    expect(shortened('123456', 5)).toBe('1234…');
    expect(shortened('123😀56', 5).isWellFormed()).toBe(true);
  });
});
