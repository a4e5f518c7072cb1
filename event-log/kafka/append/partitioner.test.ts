import { describe, expect, test } from 'vitest';
import { murmur2, partitionOf } from './partitioner.ts';

describe('partitioner', () => {
  // From Kafka's UtilsTest.testMurmur2.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('[P4] murmur2 of %s is what the Java client computes', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  test('[P4] partitions are within range, for negative hashes too', () => {
    for (let i = 0; i < 1000; i++) {
      const partition = partitionOf(Buffer.from(`device-${i}`), 12);
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(12);
    }
    expect(partitionOf(Buffer.from('21'), 12)).toBe((-973932308 & 0x7fffffff) % 12);
  });
});
