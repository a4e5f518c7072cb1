import { describe, expect, test } from 'vitest';
import { HeapRest } from './heap-rest.ts';

const MIB = 1024 * 1024;

/** What it says of looks at (utilization, MiB held), one after the other. */
const decisions = (rest: HeapRest, looks: readonly (readonly [number, number])[]): boolean[] =>
  looks.map(([utilization, held]) => rest.isDue(utilization, held * MIB));

describe('memory is given back', () => {
  test('after the start, when it has been quiet for two looks', () => {
    expect(
      decisions(new HeapRest(), [
        [0.9, 60],
        [0.1, 60],
        [0.1, 60],
      ]),
    ).toEqual([false, false, true]);
  });

  test('never while there is something to do', () => {
    expect(
      decisions(
        new HeapRest(),
        Array.from({ length: 20 }, (_, i) => [i % 2 === 0 ? 0.05 : 0.6, 900]),
      ),
    ).not.toContain(true);
  });

  test('once after a burst, and not again while nothing happens', () => {
    const rest = new HeapRest();
    rest.collected(40 * MIB);
    expect(
      decisions(rest, [
        [0.1, 45],
        [0.1, 47],
        [1, 200],
        [0.1, 200],
        [0.1, 200],
      ]),
    ).toEqual([false, false, false, false, true]);
    rest.collected(42 * MIB);
    expect(
      decisions(
        rest,
        Array.from({ length: 50 }, () => [0.01, 46]),
      ),
    ).not.toContain(true);
  });

  describe('under a light and steady load, in which the heap grows again', () => {
    const looks = Array.from({ length: 250 }, (_, i) => [0.28, i % 2 === 0 ? 90 : 45] as const);
    const collections = (rest: HeapRest): number =>
      looks.filter(([utilization, held]) => {
        const isDue = rest.isDue(utilization, held * MIB);
        if (isDue) rest.collected(40 * MIB);
        return isDue;
      }).length;

    test('after the start, and then every ten minutes', () => expect(collections(new HeapRest())).toBe(3));

    test('whenever it has grown, where that is no pause', () =>
      expect(collections(new HeapRest(0))).toBeGreaterThan(50));
  });

  test('when much came at once without much work', () => {
    const rest = new HeapRest();
    rest.collected(40 * MIB);
    expect(
      decisions(rest, [
        [0.1, 80],
        [0.1, 100],
        [0.1, 110],
      ]),
    ).toEqual([false, false, true]);
  });

  test('after a burst that is smaller than one before', () => {
    const rest = new HeapRest();
    rest.collected(800 * MIB);
    expect(
      decisions(rest, [
        [0.1, 150],
        [1, 700],
        [0.1, 700],
        [0.1, 700],
      ]),
    ).toEqual([false, false, false, true]);
  });

  test('a large heap has to grow by its share', () => {
    const rest = new HeapRest();
    rest.collected(400 * MIB);
    expect(
      decisions(rest, [
        [0, 450],
        [0, 490],
        [0, 510],
      ]),
    ).toEqual([false, false, true]);
  });
});
