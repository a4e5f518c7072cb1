import { expect, test } from 'vitest';
import { crowdedAboveBytes, shareLimit, shareRefusal, shareUsed } from './share-limit.ts';

const limit = shareLimit({ ofLog: 0.25, perKey: 0.125 }, 80_000_000);

test('a share of the log, and a share of that for one key', () => {
  expect(limit).toEqual({ maxBytes: 20_000_000, maxKeyBytes: 2_500_000 });
  expect(shareRefusal({ bytes: 0, keyBytes: 0 }, 100, limit)).toBeUndefined();
  expect(shareRefusal({ bytes: 2_500_000, keyBytes: 2_499_950 }, 100, limit)).toContain('of this device');
  expect(shareRefusal({ bytes: 2_500_000, keyBytes: 0 }, 100, limit)).toBeUndefined();
  expect(shareRefusal({ bytes: 19_999_950, keyBytes: 0 }, 100, limit)).toContain('20000000 bytes');
});

test('what is larger than a whole limit fits when nothing else is there', () => {
  const small = shareLimit({ ofLog: 0.25, perKey: 0.125 }, 1_000_000);
  expect(shareRefusal({ bytes: 0, keyBytes: 0 }, 300_000, small)).toBeUndefined();
  expect(shareRefusal({ bytes: 1, keyBytes: 1 }, 300_000, small)).toBeDefined();
});

test('how full it is: the share, or its fullest key', () => {
  expect(shareUsed({ ...limit, bytes: 10_000_000, fullestKeyBytes: 1_250 })).toBe(0.5);
  expect(shareUsed({ ...limit, bytes: 2_500_000, fullestKeyBytes: 2_500_000 })).toBe(1);
});

test('crowded: what one append brings might not fit any more', () => {
  expect(crowdedAboveBytes(100_000_000)).toBe(80_000_000);
  expect(crowdedAboveBytes(1_500_000)).toBeLessThan(1_500_000 - 512 * 1024);
  expect(crowdedAboveBytes(100)).toBe(0);
});
