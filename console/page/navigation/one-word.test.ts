import { expect, it } from 'vitest';
import { oneWord } from './route.ts';

it.each([
  ['environment/1', 'environment/1'],
  ['a,b', 'a\\,b'],
  ['a\\', 'a\\\\'],
  [' a,\\b ', '\\ a\\,\\\\b\\ '],
])('%j is written %j in a filter', (name, word) => {
  expect(oneWord(name)).toBe(word);
});
