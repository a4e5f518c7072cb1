import { describe, expect, it } from 'vitest';
import { beginningOf } from '#runtime/own-text.ts';
import { heapGrowthMiB } from '#runtime/testing/heap-growth.ts';

describe('the beginning of a text', () => {
  it('is all of one that is short, and no more of a long one', () => {
    expect(beginningOf('abc', 3)).toBe('abc');
    expect(beginningOf('größer', 3)).toBe('grö');
    expect(beginningOf('', 3)).toBe('');
  });

  it('is well formed, also where it is cut within a character', () => {
    expect(beginningOf('ab😀', 3)).toBe('ab\ufffd');
  });

  it('[P6] does not hold on to the rest of it', () => {
    const many = (shorten: (text: string) => string) => () =>
      Array.from({ length: 200 }, (_, i) => shorten(Buffer.alloc(256 * 1024, `${i} `).toString()));
    expect(heapGrowthMiB(many((text) => beginningOf(text, 64)))).toBeLessThan(10);
    expect(
      heapGrowthMiB(many((text) => text.slice(0, 64))),
      'else this is not needed any more',
    ).toBeGreaterThan(40);
  });
});
