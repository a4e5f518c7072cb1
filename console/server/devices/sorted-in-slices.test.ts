import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sortedInSlices } from './sorted-in-slices.ts';

it('sorts as toSorted does, what is equal in its order', async () => {
  const items = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 0, maxLength: 4_500, size: 'max' });
  await fc.assert(
    fc.asyncProperty(items, async (numbers) => {
      const given = numbers.map((number, place) => ({ number, place }));
      const compare = (a: { number: number }, b: { number: number }): number => a.number - b.number;
      expect(await sortedInSlices(given, compare)).toEqual(given.toSorted(compare));
    }),
    { numRuns: 20 },
  );
});
