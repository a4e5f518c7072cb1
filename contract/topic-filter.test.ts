import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isTopicFilter, matchesFilter } from '#contract/topic-filter.ts';

it.each([
  ['a', true],
  ['a/b', true],
  ['/', true],
  ['+', true],
  ['#', true],
  ['a/+/c/#', true],
  ['+/+', true],
  ['', false],
  ['a#', false],
  ['a/#/c', false],
  ['a+', false],
  ['+a/b', false],
  ['a/b#', false],
  ['a\0', false],
  ['x'.repeat(65_536), false],
])('%j is a filter: %j', (text, is) => {
  expect(isTopicFilter(text)).toBe(is);
});

it.each([
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'a/b', false],
  ['a/b', 'a', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['a/+', 'a/b/c', false],
  ['+/b', '/b', true],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'ab', false],
  ['a/+/#', 'a', false],
  ['a/+/#', 'a/b', true],
  ['#', 'a/b', true],
  ['#', '/', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['#', '', false],
  ['#', 'a/+', false],
  ['#', 'a/#', false],
  ['a/+', 'a/+', false],
])('%j means %j: %j', (filter, topic, means) => {
  expect(matchesFilter(filter, topic)).toBe(means);
});

it('a topic without wildcards is a filter that means itself, and "#" means it unless it begins with "$"', () => {
  const topic = fc
    .array(fc.stringMatching(/^[^+#/\p{Cc}]{0,5}$/u), { minLength: 1 })
    .map((levels) => levels.join('/'))
    .filter((text) => text !== '');
  fc.assert(
    fc.property(
      topic,
      (text) =>
        isTopicFilter(text) &&
        matchesFilter(text, text) &&
        matchesFilter('#', text) === !text.startsWith('$'),
    ),
  );
});
