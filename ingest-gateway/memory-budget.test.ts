import { describe, expect, it } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

function holder(dropped: string[], name: string, isGone = false) {
  return { isGone, drop: (bytes: number) => void dropped.push(`${name} ${bytes}`) };
}

describe('MemoryBudget', () => {
  it('drops those that hold most, until a quarter is free', () => {
    const dropped: string[] = [];
    const budget = new MemoryBudget(100);
    budget.hold(holder(dropped, 'small'), 10);
    budget.hold(holder(dropped, 'middle'), 30);
    budget.hold(holder(dropped, 'large'), 55);
    expect(dropped).toEqual([]);
    budget.hold(holder(dropped, 'last'), 6);
    expect(dropped).toEqual(['large 55']);
    expect(budget.bytes).toBe(46);
  });

  it('drops those that are gone first', () => {
    const dropped: string[] = [];
    const budget = new MemoryBudget(100);
    budget.hold(holder(dropped, 'large'), 60);
    budget.hold(holder(dropped, 'gone', true), 10);
    budget.hold(holder(dropped, 'gone later', true), 20);
    budget.hold(holder(dropped, 'last'), 11);
    expect(dropped).toEqual(['gone later 20', 'gone 10']);
    expect(budget.bytes).toBe(71);
  });

  it('forgets what nobody holds any more', () => {
    const dropped: string[] = [];
    const budget = new MemoryBudget(100);
    const one = holder(dropped, 'one');
    for (let packet = 0; packet < 10; packet++) {
      budget.hold(one, 90);
      budget.hold(one, 0);
    }
    expect([budget.bytes, dropped]).toEqual([0, []]);
  });
});
