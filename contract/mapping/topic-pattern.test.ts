import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchTopic, parseTopicPattern, type TopicPattern } from '#contract/mapping/topic-pattern.ts';

function pattern(text: string): TopicPattern {
  const parsed = parseTopicPattern(text);
  if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem}`);
  return parsed;
}

function match(text: string, topic: string): string[] | undefined {
  return matchTopic(pattern(text), topic.split('/'));
}

describe('topic patterns', () => {
  it.each<[string, string, string[] | undefined]>([
    ['a/b', 'a/b', []],
    ['a/b', 'a/c', undefined],
    ['a/b', 'a/b/', undefined],
    ['/a', '/a', []],
    ['/a', 'a', undefined],
    ['a/{x}', 'a/1', ['1']],
    ['a/{x}', 'a/', ['']],
    ['a/{x}', 'a/1/2', undefined],
    ['a/{x...}', 'a/1/2/3', ['1/2/3']],
    ['a/{x...}', 'a', undefined],
    ['a/{x...}/set', 'a/1/2/set', ['1/2']],
    ['a/{x...}/set', 'a/set', undefined],
    ['{x...}/{y}', '1/2/3', ['1/2', '3']],
    ['a/+/c', 'a/b/c', []],
    ['a/#', 'a/b/c', []],
    ['a/#', 'a', []],
    ['#', 'a/b', []],
    ['shellyem3-{mac}/e', 'shellyem3-12/e', ['12']],
    ['shellyem3-{mac}/e', 'shellyem3-/e', undefined],
    ['shelly{model}-{mac}', 'shellyplus-1pm-12', ['plus', '1pm-12']],
    ['{a}-{b}.json', 'x-y.json', ['x', 'y']],
    ['{a}-{b}.json', 'x-.json', undefined],
    ['$SYS/#', '$SYS/x', []],
    ['Living room / {x}', 'Living room / Küche', ['Küche']],
  ])('%s on %s', (text, topic, captures) => {
    expect(match(text, topic)).toEqual(captures);
  });

  it.each([
    ['', 'empty'],
    ['a/#/b', '#'],
    ['a/b#', 'whole levels'],
    ['a/{x...}/{y...}', 'only one'],
    ['{x...}/#', 'not clear'],
    ['{x}/{x}', 'twice'],
    ['{x}{y}', 'between'],
    ['{x', 'brace'],
    ['{1}', 'no name'],
    ['{key}', 'meaning of its own'],
    ['a-{x...}', 'no name'],
    [Array(17).fill('a').join('/'), '16 levels'],
  ])('[P10] refuses %s', (text, why) => {
    expect(parseTopicPattern(text)).toEqual({ problem: expect.stringContaining(why) });
  });

  it('takes a text apart in a way that gives it back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab-]{0,12}$/), (text) => {
        const found = match('{x}-{y}', text);
        if (found !== undefined) expect(found.join('-')).toBe(text);
        else expect(/^.+-.+$/.test(text)).toBe(false);
      }),
    );
  });
});
