import fc from 'fast-check';
import { expect, it } from 'vitest';
import { likenessTo } from './is-like.ts';

const isLike = (text: string, pattern: string) => likenessTo(pattern)(text);

it.each<[string, string, boolean]>([
  ['BME280', 'BME280', true],
  ['BME280-76', 'BME280', false],
  ['switch:12', 'switch:*', true],
  ['switch:', 'switch:*', true],
  ['MJ_HT_V1-d8799d', '*-??????', true],
  ['SHT3X-0x44', '*-??????', false],
  ['a-b-c', '*-*-c', true],
  ['', '*', true],
  ['', '?', false],
  ['ab', 'ab*b', false],
  ['abab', '??*b', true],
  ['x'.repeat(300), '*', false],
  ['x'.repeat(300), '*x*', false],
])('%j is like %j: %j', (text, pattern, expected) => {
  expect(isLike(text, pattern)).toBe(expected);
});

it('a pattern made of a text is like it, wherever * and ? take the place of its parts', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.nat(40), fc.nat(40), (text, from, length) => {
      const [before, after] = [text.slice(0, from), text.slice(from + length)];
      const inside = text.slice(from, from + length);
      fc.pre(!/[*?]/.test(text));
      expect(isLike(text, `${before}*${after}`)).toBe(true);
      expect(isLike(text, before + '?'.repeat(inside.length) + after)).toBe(true);
      expect(isLike(text, `*${inside}*`)).toBe(true);
    }),
  );
});

it('[P10] a pattern full of * costs a bounded time', () => {
  const began = performance.now();
  for (let times = 0; times < 1_000; times++) isLike('a'.repeat(256), `${'*a'.repeat(50)}b`);
  // Tried all ways, the first one alone would not end.
  expect(performance.now() - began).toBeLessThan(60_000);
});
