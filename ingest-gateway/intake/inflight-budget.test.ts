import { describe, expect, it } from 'vitest';
import { InflightBudget } from './inflight-budget.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('in-flight budget', () => {
  it('is full at either bound, and opens at half of both', () => {
    const budget = new InflightBudget(10, 1_000);
    for (let i = 0; i < 9; i++) budget.take(10);
    expect(budget.full).toBe(false);
    budget.take(910);
    expect(budget.full).toBe(true);
    budget.release(910);
    expect(budget.full).toBe(true);
    for (let i = 0; i < 4; i++) budget.release(10);
    expect(budget).toMatchObject({ full: false, messages: 5, bytes: 50 });
  });

  it('wakes the oldest first and leaves the rest in place when it fills again', async () => {
    const budget = new InflightBudget(2, 1_000);
    const woken: string[] = [];
    const waiter = (name: string) => ({
      resume: () => {
        woken.push(name);
        budget.take(1);
      },
    });
    budget.take(1);
    budget.take(1);
    for (const name of ['a', 'b', 'c', 'd']) budget.wait(waiter(name));
    budget.release(1);
    expect(woken).toEqual([]);
    await turn();
    expect(woken).toEqual(['a']);
    budget.release(1);
    await turn();
    expect(woken).toEqual(['a', 'b']);
  });

  it('wakes many over several turns', async () => {
    const budget = new InflightBudget(1, 1_000);
    let woken = 0;
    budget.take(1);
    for (let i = 0; i < 200; i++) budget.wait({ resume: () => woken++ });
    budget.release(1);
    await turn();
    expect(woken).toBe(64);
    for (let i = 0; i < 4; i++) await turn();
    expect(woken).toBe(200);
  });

  it('does not wake who left', async () => {
    const budget = new InflightBudget(1, 1_000);
    const waiter = { resume: () => expect.unreachable() };
    budget.take(1);
    budget.wait(waiter);
    budget.forget(waiter);
    budget.release(1);
    await turn();
  });

  it('tells when nothing is in flight', async () => {
    const budget = new InflightBudget(10, 1_000);
    await budget.idle();
    budget.take(1);
    let idle = false;
    const waiting = budget.idle().then(() => {
      idle = true;
    });
    await turn();
    expect(idle).toBe(false);
    budget.release(1);
    await waiting;
  });
});

describe('a part of a total', () => {
  it('[P6] may hold less as the total fills, so that few cannot use it up', () => {
    const total = new InflightBudget(1_000_000, 1_000);
    const parts = Array.from({ length: 20 }, () => new InflightBudget(1_000_000, 1_000, total));
    for (let round = 0; round < 1_000; round++) {
      for (const part of parts) {
        if (part.full) continue;
        part.take(1);
        total.take(1);
      }
    }
    expect(total.full).toBe(false);
    // N of them hold N/(N + 8) of it, equal parts.
    expect(total.bytes).toBeGreaterThan(690);
    expect(total.bytes).toBeLessThan(740);
    expect(new Set(parts.map(({ bytes }) => bytes)).size).toBeLessThanOrEqual(2);
  });

  it('always has room for one message, and opens when half of its share is free', () => {
    const total = new InflightBudget(100, 1_000);
    const part = new InflightBudget(100, 1_000, total);
    total.take(900);
    expect(part.full).toBe(false);
    part.take(50);
    total.take(50);
    expect(part.full).toBe(true);
    total.release(900);
    expect(part.full).toBe(true);
    part.release(50);
    expect(part.full).toBe(false);
  });

  it('opens when its bounds are raised, and is full at once when they are lowered', async () => {
    const budget = new InflightBudget(2, 1_000);
    budget.take(100);
    budget.take(100);
    expect(budget.full).toBe(true);
    const woken = new Promise<void>((resume) => budget.wait({ resume }));
    budget.change(10, 1_000);
    expect(budget.full).toBe(false);
    await woken;
    budget.change(10, 150);
    expect(budget.full).toBe(true);
    budget.release(100);
    expect(budget.full).toBe(true);
  });
});
