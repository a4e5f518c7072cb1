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
