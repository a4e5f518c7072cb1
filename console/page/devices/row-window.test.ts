import { describe, expect, it } from 'vitest';
import { windowOf } from './row-window.ts';

describe('the window of rows', () => {
  it('is what is in sight and a little more, however many there are', () => {
    expect(windowOf({ top: 0, height: 400 }, 10_000, 40)).toEqual({ first: 0, last: 22 });
    expect(windowOf({ top: 40_000, height: 400 }, 10_000, 40)).toEqual({ first: 988, last: 1_022 });
  });

  it('ends with the rows, also when they became fewer than were scrolled past', () => {
    expect(windowOf({ top: 400_000, height: 400 }, 10_000, 40)).toEqual({ first: 9_988, last: 10_000 });
    expect(windowOf({ top: 400_000, height: 400 }, 3, 40)).toEqual({ first: 3, last: 3 });
    expect(windowOf({ top: 0, height: 400 }, 0, 40)).toEqual({ first: 0, last: 0 });
  });
});
