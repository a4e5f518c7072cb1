import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { chunksOf } from './chunks.ts';

const sized = (bytes: number) => ({ bytes });

test('chunks hold at most so many points and bytes, whatever their sizes; a larger one comes alone; none is lost', () => {
  const sizes = fc.array(fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 2 * LIMITS.bytesPerWrite })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(sizes, (bytes) => {
      const entries = bytes.map(sized);
      const chunks = chunksOf(entries);
      expect(chunks.flat()).toEqual(entries);
      for (const chunk of chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        const total = chunk.reduce((sum, entry) => sum + entry.bytes, 0);
        if (chunk.length > 1) expect(total).toBeLessThanOrEqual(LIMITS.bytesPerWrite);
      }
    }),
  );
});

test('chunks are as large as they may be', () => {
  const lengths = (count: number, bytes: number) =>
    chunksOf(Array.from({ length: count }, () => sized(bytes))).map((c) => c.length);
  expect(lengths(0, 1)).toEqual([]);
  expect(lengths(2 * LIMITS.pointsPerWrite + 1, 1)).toEqual([
    LIMITS.pointsPerWrite,
    LIMITS.pointsPerWrite,
    1,
  ]);
  expect(lengths(5, LIMITS.bytesPerWrite / 2)).toEqual([2, 2, 1]);
});
