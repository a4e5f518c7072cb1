import { describe, expect, it } from 'vitest';
import { tokensOf } from './packet-cost.ts';

describe('what a packet costs', () => {
  it('is one token for what is small', () => {
    expect(tokensOf({})).toBe(1);
    expect(tokensOf({ length: 4_095 })).toBe(1);
  });

  it('grows with its bytes, and with the filters in it', () => {
    expect(tokensOf({ length: 64 * 1024 })).toBe(17);
    expect(tokensOf({ length: 20, subscriptions: ['a', 'b', 'c'] })).toBe(3);
    expect(tokensOf({ length: 20, unsubscriptions: ['a', 'b'] })).toBe(2);
  });
});
