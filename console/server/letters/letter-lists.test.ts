import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { IndexedLetter, IndexedLetters } from './letter-index.ts';
import { groupsOf, overTime, pageOf } from './letter-lists.ts';
import { choiceOf } from './letter-query.ts';

const LETTERS = 200;
const NOW = Date.UTC(2026, 0, 2);

function letters(): IndexedLetters {
  const entries = Array.from({ length: LETTERS }, (_, i): IndexedLetter => {
    const detail = { errors: [{ path: `/values/v${i % 7}`, message: 'must be number' }] };
    return {
      letter: {
        id: `0-${i}`,
        partition: 0,
        offset: i,
        time: NOW - i,
        deviceId: `dev-${i % 100}`,
        payload: new Uint8Array(),
        reason: 'schema-violation',
        detail,
        stage: 'gateway',
        attempt: 0,
        firstFailedAt: NOW,
        receivedAt: NOW,
        headers: {},
        state: undefined,
      },
      schema: 'environment/1',
      bytes: 100,
      digest: `digest-${i % 50}`,
    };
  });
  return { letters: entries, older: false };
}

describe('lists of all the letters that the console looks at', () => {
  it.each([
    ['a page', async () => (await pageOf(letters(), choiceOf({}), 0, 100)).matching],
    ['groups', async () => (await groupsOf(letters(), choiceOf({}))).groups.reduce((n, g) => n + g.count, 0)],
    [
      'over time',
      async () =>
        (await overTime(letters(), choiceOf({}), 60, NOW)).reasons[0]?.counts.reduce((a, b) => a + b),
    ],
  ])('%s: counts every one, and rests in between for whoever shares the event loop', async (_, list) => {
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now++);
    onTestFinished(() => clock.mockRestore());
    let turns = 0;
    const others = (): void => {
      turns++;
      other = setImmediate(others);
    };
    let other = setImmediate(others);
    expect(await list()).toBe(LETTERS);
    clearImmediate(other);
    expect(turns).toBeGreaterThanOrEqual(LETTERS / 10);
  });
});
