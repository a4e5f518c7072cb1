import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areAmbiguous, mayTakeFrom, TopicIndex } from '#contract/mapping/topic-index.ts';
import { matchTopic, parseTopicPattern, type TopicPattern } from '#contract/mapping/topic-pattern.ts';

function pattern(text: string): TopicPattern {
  const parsed = parseTopicPattern(text);
  if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem}`);
  return parsed;
}

function winner(patterns: readonly string[], topic: string): string | undefined {
  return new TopicIndex(patterns.map((text) => ({ pattern: pattern(text) }))).find(topic)?.rule.pattern.text;
}

describe('topic index', () => {
  it.each<[string, string, string]>([
    ['a/b/c', 'a/{x}/c', 'a/b/c'],
    ['a/{x}/c', 'a/{x}/{y}', 'a/b/c'],
    ['a/x-{y}', 'a/{y}', 'a/x-1'],
    ['a/x-y-{z}', 'a/x-{z}', 'a/x-y-1'],
    ['a/{x}', 'a/{x...}', 'a/b'],
    ['a/{x...}/set', 'a/{x...}', 'a/b/c/set'],
    ['a/bridge/#', 'a/{x...}/set', 'a/bridge/set'],
    ['a/{x...}', 'a/#', 'a/b/c'],
    ['a/b', 'a/b/#', 'a/b'],
    ['a/{x}/c', '{x}/b/c', 'a/b/c'],
    ['#', 'b', 'x'],
  ])('%s wins over %s on %s', (better, other, topic) => {
    expect(winner([better, other], topic)).toBe(better);
    expect(winner([other, better], topic)).toBe(better);
    if (matchTopic(pattern(other), topic.split('/')) !== undefined) {
      expect(areAmbiguous(pattern(better), pattern(other))).toBe(false);
    }
  });

  it.each([
    ['a/{x}', 'a/{y}'],
    ['a/+', 'a/{y}'],
    ['a/{x...}', 'a/{y...}'],
    ['a/{x}/{y...}', 'a/{y...}/{x}'],
    ['a-{x}', '{x}-a'],
    ['#', '#'],
    ['a/b', 'a/b'],
  ])('%s and %s are ambiguous', (one, other) => {
    const known = areAmbiguous(pattern(one), pattern(other));
    // The one exception: a level of its own is more literal than a rest, whatever follows.
    expect(known).toBe(one !== 'a/{x}/{y...}');
  });

  it('a wildcard at the beginning leaves topics with $ alone', () => {
    expect(winner(['#', '{x}/broker'], '$SYS/broker')).toBeUndefined();
  });

  it('remembers what it found, and that it found nothing', () => {
    const index = new TopicIndex([{ pattern: pattern('a/{x}') }]);
    for (let look = 0; look < 3; look++) {
      expect(index.find('a/1')?.captures).toEqual(['1']);
      expect(index.find('b/1')).toBeUndefined();
    }
  });

  it('of two rules that match a topic, one wins, or the loader refuses the two', () => {
    const level = fc.constantFrom('a', 'b', 'a{x}', '{x}b', '{x}', '+');
    const text = fc
      .tuple(fc.array(level, { minLength: 0, maxLength: 3 }), fc.constantFrom('', '#', '{r...}', '{r...}/a'))
      .map(([levels, end]) =>
        [...levels.map((it, at) => it.replace('x', `x${at}`)), ...(end === '' ? [] : [end])].join('/'),
      )
      .filter((it) => it !== '');
    const topic = fc
      .array(fc.constantFrom('a', 'b', 'ab', ''), { minLength: 1, maxLength: 5 })
      .map((it) => it.join('/'));
    fc.assert(
      fc.property(text, text, topic, (one, other, name) => {
        fc.pre(matchTopic(pattern(one), name.split('/')) !== undefined);
        fc.pre(matchTopic(pattern(other), name.split('/')) !== undefined);
        const oneWay = winner([one, other], name);
        if (oneWay !== winner([other, one], name))
          expect(areAmbiguous(pattern(one), pattern(other))).toBe(true);
        if (oneWay === one) expect(mayTakeFrom(pattern(one), pattern(other))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
