import { expect, test } from 'vitest';
import { takeWithPatience } from './take-with-patience.ts';

test('a lock that is let go soon is waited for; without patience it is tried once', async () => {
  let tries = 0;
  const fromTheThirdOn = () => (++tries < 3 ? undefined : 'lock');
  expect(await takeWithPatience(0, fromTheThirdOn)).toBeUndefined();
  expect(await takeWithPatience(60_000, fromTheThirdOn)).toBe('lock');
  expect(tries).toBe(3);
});

test('what goes wrong is not waited for', async () => {
  const closed = () => {
    throw new Error('closed');
  };
  await expect(takeWithPatience(60_000, closed)).rejects.toThrow('closed');
});
