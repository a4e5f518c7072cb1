import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editableText, visibleText } from './visible-text.ts';

describe('visible text', () => {
  it('leaves what can be read alone', () => {
    const text = 'Wohnzimmer 20.9 °C – 客厅 🌡 <script>alert(1)</script> עברית';
    expect(visibleText(text)).toBe(text);
  });

  it.each([
    ['\u001b[31m', '⟨U+001B⟩[31m'],
    ['a\u0000b', 'a⟨U+0000⟩b'],
    ['a\r\nb', 'a⟨U+000D⟩⟨U+000A⟩b'],
    ['\u202egnp.exe', '⟨U+202E⟩gnp.exe'],
    ['a\u2066b\u2069', 'a⟨U+2066⟩b⟨U+2069⟩'],
    ['admin\u200b', 'admin⟨U+200B⟩'],
    ['\u009b31m', '⟨U+009B⟩31m'],
    ['\ud800', '⟨U+D800⟩'],
    ['\u{e0041}', '⟨U+E0041⟩'],
  ])('shows what is hidden: %j', (text, shown) => expect(visibleText(text)).toBe(shown));

  it('keeps what it is told to', () => {
    expect(visibleText('a\n\tb', '\n')).toBe('a\n⟨U+0009⟩b');
  });

  it('nothing is left that a browser hides or turns', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(anything, (text) => {
        expect(visibleText(text)).not.toMatch(/[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('editable text', () => {
  it('means the same to JSON, and hides nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const payload = JSON.stringify({ text });
        const shown = editableText(payload);
        expect(JSON.parse(shown)).toEqual({ text });
        expect(visibleText(shown)).toBe(shown);
      }),
    );
  });

  it('keeps its lines', () => {
    expect(editableText('{\n\t"a":1}')).toBe('{\n\t"a":1}');
  });
});
