import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { now, serverSaid } from './server-clock.ts';

const NOON = Date.parse('2026-01-31T12:00:00Z');
const at = (ms: number): string => new Date(ms).toUTCString();

beforeEach(() => vi.useFakeTimers({ now: NOON, toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

it.each([
  ['a day ahead', -86_400_000],
  ['an hour behind', 3_600_000],
])('a clock that is %s is put right', (_, ms) => {
  serverSaid(at(NOON + ms));
  expect(now()).toBe(NOON + ms);
});

it('a clock that is right, but for the way of the answer, is left alone; so is one that nobody tells of', () => {
  serverSaid(at(NOON - 2_000));
  expect(now()).toBe(NOON);
  serverSaid(null);
  serverSaid('yesterday');
  expect(now()).toBe(NOON);
});
