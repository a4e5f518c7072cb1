import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

function emptied(queue: FairQueue<string>): string[] {
  const all: string[] = [];
  for (let work = queue.shift(); work !== undefined; work = queue.shift()) all.push(work);
  return all;
}

describe('fair queue', () => {
  it('gives each device of an address its turn, in its own order', () => {
    const queue = new FairQueue<string>(100, 10);
    for (const work of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.push('home', work.charAt(0), work);
    expect(emptied(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    expect(queue.shift()).toBeUndefined();
  });

  it('gives each address its turn, however many devices the others claim to have', () => {
    const queue = new FairQueue<string>(100, 10);
    for (let i = 0; i < 50; i++) queue.push('crowd', `c${i}`, `c${i}`);
    queue.push('home', 'a', 'a1');
    queue.push('home', 'a', 'a2');
    expect(emptied(queue).slice(0, 5)).toEqual(['c0', 'a1', 'c1', 'a2', 'c2']);
  });

  it('is bounded, altogether and for each device', () => {
    const queue = new FairQueue<string>(4, 2);
    const pushed = ['a1', 'a2', 'a3', 'b1', 'c1', 'd1'].map((work) =>
      queue.push('home', work.charAt(0), work),
    );
    expect(pushed).toEqual([true, true, false, true, true, false]);
    expect(emptied(queue)).toHaveLength(4);
    expect(queue.push('home', 'a', 'a4')).toBe(true);
  });
});
