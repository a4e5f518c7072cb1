import { expect, test } from 'vitest';
import { LogSpace } from './log-space.ts';

const maxBytes = 100_000_000;

test('what clears things away may use what readings and letters may not', () => {
  const space = new LogSpace();
  const use = { usedBytes: 98_500_000, incomingBytes: 1_000, maxBytes };
  expect(space.exceeded('data', use)).toBe(98_000_000);
  expect(space.exceeded('control', use)).toBeUndefined();
  expect(space.exceeded('control', { ...use, usedBytes: 99_999_000 })).toBe(maxBytes);
});

test('a full log does not open for a small record, and opens with some room to spare', () => {
  const space = new LogSpace();
  expect(space.exceeded('data', { usedBytes: 97_500_000, incomingBytes: 200_000, maxBytes })).toBeUndefined();
  expect(space.exceeded('data', { usedBytes: 97_800_000, incomingBytes: 200_000, maxBytes })).toBeDefined();
  expect(space.exceeded('data', { usedBytes: 97_800_000, incomingBytes: 100, maxBytes })).toBeDefined();
  expect(space.exceeded('data', { usedBytes: 96_800_000, incomingBytes: 100, maxBytes })).toBeDefined();
  expect(space.exceeded('data', { usedBytes: 96_700_000, incomingBytes: 100, maxBytes })).toBeUndefined();
  expect(space.exceeded('data', { usedBytes: 97_500_000, incomingBytes: 200_000, maxBytes })).toBeUndefined();
});

test('a limit below what the log holds leaves room to clear away, as much as one above it, until the log is below it again', () => {
  const space = new LogSpace();
  const use = { usedBytes: 300_000_000, incomingBytes: 1_000, maxBytes };
  expect(space.exceeded('data', use)).toBe(98_000_000);
  expect(space.exceeded('control', use)).toBeUndefined();
  expect(space.exceeded('control', { ...use, usedBytes: 301_900_000 })).toBeUndefined();
  expect(space.exceeded('control', { ...use, usedBytes: 302_100_000 })).toBe(302_000_000 + 64 * 1024);
  expect(space.exceeded('control', { ...use, usedBytes: 200_000_000 })).toBeUndefined();
  expect(space.exceeded('control', { ...use, usedBytes: 300_000_000 })).toBeDefined();
  expect(space.exceeded('control', { ...use, usedBytes: 99_000_000 })).toBeUndefined();
  expect(space.exceeded('control', { ...use, usedBytes: 100_000_000 })).toBe(maxBytes);
});
