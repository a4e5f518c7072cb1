import { describe, expect, it } from 'vitest';
import { LeftInput } from './left-input.ts';

function left() {
  const begins: (() => void)[] = [];
  const input = new LeftInput(128, (begin) => begins.push(begin));
  const worked: string[] = [];
  const add = (name: string, slices: number, owner = name): void => {
    let count = 0;
    input.add(owner, () => {
      worked.push(name);
      return ++count < slices;
    });
  };
  const turn = (): number => {
    worked.splice(0);
    for (const begin of begins.splice(0)) begin();
    return worked.length;
  };
  return { input, worked, add, turn };
}

describe('what connections leave unread', () => {
  it('is worked on at once, of one', () => {
    const { worked, add, turn } = left();
    add('one', 20);
    expect(worked).toHaveLength(20);
    expect(turn()).toBe(0);
    add('two', 1);
    expect(worked).toEqual(['two']);
  });

  it('[P10] of thousands in turns, first come first served', () => {
    const { worked, add, turn } = left();
    for (let i = 0; i < 1_000; i++) add(`${i}`, 3);
    expect(worked).toHaveLength(32);
    let all = worked.length;
    let turns = 0;
    while (turn() > 0) {
      expect(worked.length).toBeLessThanOrEqual(32);
      all += worked.length;
      turns++;
    }
    expect(all).toBe(3_000);
    expect(turns).toBe(Math.ceil(3_000 / 32) - 1);
  });

  it('goes on with the same one in the next turn', () => {
    const { worked, add, turn } = left();
    add('long', 40);
    add('short', 1);
    expect(new Set(worked)).toEqual(new Set(['long']));
    turn();
    expect(worked).toEqual([...Array(8).fill('long'), 'short']);
  });

  it('[P4] of a device that is back is finished at once, in the order of its connections', () => {
    const { input, worked, add, turn } = left();
    for (let i = 0; i < 100; i++) add(`${i}`, 1);
    add('older', 3, 'dev-1');
    add('newer', 2, 'dev-1');
    worked.splice(0);
    input.finish('dev-1');
    expect(worked).toEqual(['older', 'older', 'older', 'newer', 'newer']);
    input.finish('dev-1');
    turn();
    expect(worked).toEqual(Array.from({ length: 32 }, (_, i) => `${32 + i}`));
  });

  it('is finished when there is no other turn', () => {
    const { input, worked, add, turn } = left();
    for (let i = 0; i < 100; i++) add(`${i}`, 1);
    input.finishAll();
    expect(worked).toHaveLength(100);
    expect(turn()).toBe(0);
  });
});
