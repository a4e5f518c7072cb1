import { describe, expect, test } from 'vitest';
import { HeapRest } from './heap-rest.ts';

const MIB = 1024 * 1024;

/** What it says of looks at (utilization, MiB held), one after the other. */
const decisions = (rest: HeapRest, looks: readonly (readonly [number, number])[]): boolean[] =>
  looks.map(([utilization, held]) => rest.isDue(utilization, held * MIB));

/** After how many looks it is due, of those that leave so much when it is. */
const collections = (
  rest: HeapRest,
  looks: readonly (readonly [number, number])[],
  remainsMiB: number,
): number[] =>
  looks.flatMap(([utilization, held], look) => {
    if (!rest.isDue(utilization, held * MIB)) return [];
    rest.collected(remainsMiB * MIB);
    return [look];
  });

const times = (count: number, look: readonly [number, number]) => Array.from({ length: count }, () => look);

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

  test('under a light and steady load, in which the heap grows again: after the start, and then every ten minutes', () => {
    const rest = new HeapRest();
    const looks = Array.from({ length: 250 }, (_, i) => [0.28, i % 2 === 0 ? 90 : 45] as const);
    expect(collections(rest, looks, 40)).toEqual([1, 122, 242]);
  });

  test('again when it was in use: a store that stood still made a thread quiet in the middle of its burst', () => {
    const rest = new HeapRest();
    rest.collected(40 * MIB);
    expect(collections(rest, [[1, 350], ...times(2, [0.1, 350])], 300)).toEqual([2]);
    const workedOff = times(10, [0.4, 310]);
    expect(collections(rest, [...workedOff, ...times(2, [0.01, 290])], 45)).toEqual([11]);
    expect(collections(rest, times(200, [0.01, 45]), 45)).toEqual([]);
  });

  test('ever more rarely where it stays in use', () => {
    const rest = new HeapRest();
    rest.collected(40 * MIB);
    const connected = times(2_000, [0.01, 400]);
    expect(collections(rest, [[1, 400], ...connected], 400)).toEqual([
      2, 8, 20, 44, 92, 188, 380, 764, 1_532,
    ]);
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
