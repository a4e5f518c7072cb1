import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('token bucket', () => {
  it('gives the burst at once, then the rate', () => {
    const bucket = new TokenBucket(200, 2_000, 0);
    bucket.take(2_000);
    expect(bucket.waitMs(0)).toBe(5);
    expect(bucket.waitMs(5)).toBe(0);
  });

  it('lets an overdraft be paid off', () => {
    const bucket = new TokenBucket(100, 10, 0);
    bucket.take(50);
    expect(bucket.waitMs(0)).toBe(410);
    expect(bucket.waitMs(400)).toBe(10);
    expect(bucket.waitMs(410)).toBe(0);
  });

  it('holds no more than the burst', () => {
    const bucket = new TokenBucket(100, 10, 0);
    expect(bucket.waitMs(1_000_000)).toBe(0);
    bucket.take(10);
    expect(bucket.waitMs(1_000_000)).toBe(10);
  });

  it('takes another rate from now on, and keeps what it has', () => {
    const bucket = new TokenBucket(100, 10, 0);
    bucket.take(30);
    bucket.change(1, 100, 100);
    // 10 of the 20 that were owed came in until then.
    expect(bucket.waitMs(100)).toBe(11_000);
    bucket.change(1_000, 100, 100);
    expect(bucket.waitMs(100)).toBe(11);
    bucket.change(1_000, 2, 1_000);
    bucket.take(2);
    expect(bucket.waitMs(1_000)).toBe(1);
  });

  it('makes wait for what is not to be paid by what was saved up, and keeps the savings', () => {
    const bucket = new TokenBucket(100, 2_000, 0);
    bucket.takeAtRate(0, 0);
    expect(bucket.waitMs(0)).toBe(0);
    bucket.takeAtRate(500, 0);
    bucket.takeAtRate(100, 1_000);
    expect(bucket.waitMs(1_000)).toBe(5_000);
    bucket.change(1_000, 2_000, 1_000);
    expect(bucket.waitMs(1_000)).toBe(500);
    expect(bucket.waitMs(1_499)).toBe(1);
    expect(bucket.waitMs(1_500)).toBe(0);
    bucket.take(1_999);
    expect(bucket.waitMs(1_500)).toBe(0);
  });
});
