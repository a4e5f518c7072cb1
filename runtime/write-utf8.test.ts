import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MOST_BYTES_OF_A_CODE_UNIT, writeUtf8 } from './write-utf8.ts';

test('any text becomes what Node makes of it, at its place, and nothing around it changes', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('abcß', 'é', '🌡️', 'a\ud800b', '\udc00'),
  );
  fc.assert(
    fc.property(text, fc.nat(10), (written, at) => {
      const into = Buffer.alloc(at + written.length * MOST_BYTES_OF_A_CODE_UNIT + 1, 0xff);
      const end = writeUtf8(into, at, written);
      expect(into.subarray(at, end)).toEqual(Buffer.from(written));
      expect(into.subarray(0, at).every((byte) => byte === 0xff)).toBe(true);
      expect(into.at(-1)).toBe(0xff);
    }),
  );
});
