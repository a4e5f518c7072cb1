import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function setUp() {
  const begins: (() => void)[] = [];
  const turns = new Turns(128, (begin) => begins.push(begin));
  const begin = (): void => {
    expect(begins.length).toBeLessThanOrEqual(1);
    begins.pop()?.();
  };
  /** One turn in which so many come with something new. @returns what each got */
  const turn = (connections: number): number[] => {
    const got = Array.from({ length: connections }, () => turns.packetsOfNew());
    begin();
    return got;
  };
  return { turns, begin, turn };
}

describe('who comes with something new', () => {
  it('gets what one may have while few do', () => {
    const { turn } = setUp();
    for (let i = 0; i < 3; i++) expect(new Set(turn(128))).toEqual(new Set([128]));
  });

  it('[P10] shares the turn when many do, in equal parts from the second one on', () => {
    const { turn } = setUp();
    expect(sum(turn(1_000)), 'the first').toBeLessThan(4 * 16_384);
    expect(new Set(turn(1_000))).toEqual(new Set([16]));
    expect(new Set(turn(500)), 'it was not known that fewer would come').toEqual(new Set([16]));
    expect(new Set(turn(500))).toEqual(new Set([32]));
  });

  it('gets something, however many there are', () => {
    const { turn } = setUp();
    turn(10_000);
    expect(new Set(turn(10_000))).toEqual(new Set([8]));
  });

  it('gets all again when the rush is over', () => {
    const { turn } = setUp();
    turn(5_000);
    turn(1);
    expect(turn(1)).toEqual([128]);
  });
});

describe('the line', () => {
  it('[P10] is served in its order, some in each turn, and who has still more waits again', () => {
    const { turns, begin } = setUp();
    const served: number[] = [];
    const connections = Array.from({ length: 100 }, (_, index) => () => {
      served.push(index);
      turns.wait(connections[index] as () => void);
    });
    for (const serve of connections) turns.wait(serve);
    for (let i = 0; i < 25; i++) {
      begin();
      expect(served).toHaveLength(32 * (i + 1));
    }
    expect(served).toEqual(Array.from({ length: 800 }, (_, i) => i % 100));
  });

  it('of few is one of the next turn', () => {
    const { turns, begin } = setUp();
    let served = 0;
    const serve = (): void => {
      served++;
      turns.wait(serve);
    };
    turns.wait(serve);
    for (let i = 0; i < 5; i++) begin();
    expect(served).toBe(5);
  });

  it('takes nothing of what is for those with something new', () => {
    const { turns, turn } = setUp();
    for (let i = 0; i < 2_000; i++) turns.wait(() => undefined);
    expect(turn(1)).toEqual([128]);
    expect(turn(1)).toEqual([128]);
  });
});
