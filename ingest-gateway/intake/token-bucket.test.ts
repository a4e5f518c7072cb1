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
});
