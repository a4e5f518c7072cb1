import { describe, expect, it } from 'vitest';
import { Unfit } from '#contract/mapping/scope.ts';
import { compileSource } from '#contract/mapping/source.ts';
import { CONTEXT, placeWithProblems, scopeOf } from '#contract/mapping/testing/map-one.ts';

function read(spec: unknown, value: unknown, captures?: readonly string[]): unknown {
  const { at, problems } = placeWithProblems();
  const source = compileSource(spec, at, CONTEXT);
  expect(problems).toEqual([]);
  const found = source?.read(scopeOf(value, captures));
  return found instanceof Unfit ? `unfit: ${found.message}` : found;
}

function problem(spec: unknown): string {
  const { at, problems } = placeWithProblems();
  compileSource(spec, at, CONTEXT);
  return problems.join('\n');
}

describe('sources', () => {
  it.each<[string, unknown, unknown, unknown]>([
    ['the element', '', 5, 5],
    ['a pointer', '/a/0', { a: [7] }, 7],
    ['what is not there', '/b', { a: 1 }, undefined],
    ['a capture', '{b}', 0, 'second'],
    ['the client', '{client}', 0, 'c1'],
    ['the whole topic', '{topic}', 0, 't/x'],
    ['a constant', { const: true }, 0, true],
    ['a part of a text', { at: '', split: '.', index: 1 }, 'a.b.c', 'b'],
    ['the last part', { at: '', split: '.', index: -1 }, 'a.b.c', 'c'],
    ['a part that is missing', { at: '', split: '.', index: 9 }, 'a.b', undefined],
    ['the element of a list', { at: '/l', index: -1 }, { l: [1, 2] }, 2],
    ['one whose position is told', { at: '/l', index: '/n' }, { l: [1, 2], n: '1' }, 2],
    ['one whose position is none', { at: '/l', index: '/n' }, { l: [1, 2], n: '' }, undefined],
    ['one that is no position', { at: '/l', index: '/n' }, { l: [1, 2], n: 'x' }, undefined],
    ['one that is a space', { at: '/l', index: '/n' }, { l: [1, 2], n: ' ' }, undefined],
    ['one of another base', { at: '/l', index: '/n' }, { l: [1, 2], n: '0x1' }, undefined],
    ['one behind the end', { at: '/l', index: 2 }, { l: [1, 2] }, undefined],
    ['a member whose name is told', { at: '/o', index: '{b}' }, { o: { second: 5 } }, 5],
    ['a member that is not its own', { at: '/o', index: '/n' }, { o: {}, n: 'toString' }, undefined],
    [
      'a member of what is none',
      { at: '/o', index: 1 },
      { o: 5 },
      'unfit: must be a list or an object to be looked into',
    ],
    ['all parts', { at: '', split: '.' }, 'a.b', ['a', 'b']],
    ['a word of a table', { at: '', map: { on: true, '1': 'one' } }, 'on', true],
    ['a number of a table', { at: '', map: { on: true, '1': 'one' } }, 1, 'one'],
    ['no value in a table', { at: '', map: { x: 1 } }, 'nan', undefined],
    ['a word that means no value', { at: '', map: { none: null } }, 'none', undefined],
    ['times', { at: '', times: 1000 }, '0.498', 498],
    ['over, which is exact', { at: '', over: 10 }, 3, 0.3],
    ['plus after times and over', { at: '', times: 9, over: 5, plus: 32 }, 100, 212],
    ['plus before them', { at: { at: '', plus: -32 }, times: 5, over: 9 }, 212, 100],
    ['a scale that the message tells', { at: '/raw', over: '/div' }, { raw: 2153, div: '100' }, 21.53],
    ['an offset that it tells', { at: '/n', times: 10, plus: '/from' }, { n: 2, from: 5 }, 25],
    ['one that it does not tell', { at: '/n', times: '/scale' }, { n: 2, scale: null }, undefined],
    ['one of 0', { at: '/n', over: '/div' }, { n: 2, div: 0 }, 'unfit: is to be divided by 0'],
    [
      'a product beyond any number',
      { at: '/n', times: '/div' },
      { n: 1e300, div: 1e300 },
      'unfit: is too large a number with what it is reckoned with',
    ],
    [
      'the same by a number of the mapping',
      { at: '/n', times: 1e300 },
      { n: 1e300 },
      'unfit: is too large a number with what it is reckoned with',
    ],
    ['one that is no number', { at: '/n', times: '/x' }, { n: 2, x: 'k' }, 'unfit: must be a number'],
    ['a decimal comma', { at: '', decimal: ',' }, '-21,5', -21.5],
    ['groups of digits', { at: '', decimal: ',', times: 10 }, ' 1.234.567,5 ', 12345675],
    ['groups of another kind', { at: '', decimal: '.' }, "1'234.5", 1234.5],
    [
      'groups that are none',
      { at: '', decimal: '.' },
      '1,23',
      'unfit: must be a number with "." before its decimals',
    ],
    [
      'a point where a comma is said',
      { at: '', decimal: ',' },
      '1.5',
      'unfit: must be a number with "," before its decimals',
    ],
    [
      'a point where a comma is said, and nothing before it',
      { at: '', decimal: ',' },
      '0.125',
      'unfit: must be a number with "," before its decimals',
    ],
    ['two commas', { at: '', decimal: ',' }, '1,5,2', 'unfit: must be a number with "," before its decimals'],
    ['a number where a comma is said', { at: '', decimal: ',' }, 1.5, 1.5],
    ['a join', { join: ['/d', '/n'], with: ' ', split: '0', index: 0 }, { d: 'x', n: 10 }, 'x 1'],
    ['a join of which a part is missing', { join: ['/d', '/n'] }, { d: 'x' }, undefined],
    [
      'a join of an object',
      { join: ['/d', '/n'] },
      { d: 'x', n: {} },
      'unfit: must be texts, numbers or booleans to be joined',
    ],
    ['no state', { at: '', map: { open: true } }, 'Unknown', undefined],
    ['round', { at: '', times: 1000, round: true }, 1.0004, 1000],
    ['round to decimals', { at: '', over: 3, round: 2 }, 1, 0.33],
    ['round to the decimals that were sent', { at: '', times: 5, over: 9, round: 'sent' }, '1.25', 0.69],
    [
      'to those that were sent, also after a step before',
      { at: { at: '', plus: -32 }, over: 1.8, round: 'sent' },
      69.6,
      20.9,
    ],
    ['at least one, since JSON drops a zero', { at: '', times: 5, over: 9, round: 'sent' }, 1, 0.6],
    ['decimals of a number with an exponent', { at: '', times: 1, round: 'sent' }, 1.5e-7, 0],
    ['the first that has a value', { first: ['/a', '/b/c', ''], over: 10 }, { a: 'nan', b: { c: 5 } }, 0.5],
    ['the first that is no object', { first: ['/Value/Body', '/Value', ''] }, { Value: 5 }, 5],
    ['the first, and there is none', { first: ['/a', '/b'] }, { a: null }, undefined],
    ['no value, not scaled', { at: '', times: 2 }, 'unavailable', undefined],
    ['a value while it holds', { at: '/a', when: { '/b': 'F' } }, { a: 5, b: 'F' }, 5],
    ['no value while it does not', { at: '/a', when: { '/b': 'F' } }, { a: 5, b: 'C' }, undefined],
    [
      'one meaning of several',
      { first: [{ at: '/a', times: 2, when: { '/b': 'F' } }, '/a'] },
      { a: 5, b: 'C' },
      5,
    ],
    ['a table of null', { at: '/x', split: ',' }, { x: null }, undefined],
  ])('%s', (_name, spec, value, expected) => {
    expect(read(spec, value, ['first', 'second'])).toEqual(expected);
  });

  it.each<[string, unknown, unknown, string]>([
    ['a word that is in no table', { at: '', map: { on: true } }, 'of', 'unfit: is not in the "map"'],
    [
      'a member of Object.prototype',
      { at: '', map: { on: true } },
      'constructor',
      'unfit: is not in the "map"',
    ],
    [
      'an object where one value was looked for',
      { first: ['/a/x', '/a'] },
      { a: { y: 1 } },
      'unfit: must be one value',
    ],
    ['a number to be split', { at: '', split: ',' }, 5, 'unfit: must be a text'],
    [
      'a text that is too long to be split',
      { at: '', split: ',' },
      ','.repeat(2_000),
      'unfit: must be at most',
    ],
    ['text to be scaled', { at: '', times: 2 }, 'hot', 'unfit: must be a number'],
    ['hexadecimal', { at: '', times: 2 }, '0x10', 'unfit: must be a number'],
  ])('[P10] %s', (_name, spec, value, expected) => {
    expect(read(spec, value)).toEqual(expect.stringContaining(expected));
  });

  it.each<[unknown, string]>([
    ['flow', '"flow" is no source'],
    ['/~5', 'no JSON Pointer'],
    ['^/a', 'there is no level above'],
    ['{c}', 'the topic has no {c} (it captures a, b)'],
    ['{key}', 'a key needs "each"'],
    [{ at: '/a', tims: 5 }, '/tims: unknown property'],
    [{ at: '/a', times: '5' }, '/times: "5" is no source'],
    [{ at: '/a', times: true }, '/times: must be a number, or a source of one'],
    [{ at: '/a', plus: '{c}' }, '/plus: the topic has no {c}'],
    [{ at: '/a', decimal: ';' }, '/decimal: must be "," or "."'],
    [{ at: '/a', first: ['/b', '/c'] }, 'must have only one of "at", "first"'],
    [{ at: '/a', with: ':' }, '/with: stands beside "join" only'],
    [{ join: ['/a'] }, '/join: must be a list of 2 to 16'],
    [{ join: ['/a', 'T'] }, '/join/1: "T" is no source'],
    [{ join: ['/a', '/b'], with: 5 }, '/with: must be a text'],
    [{ at: '/a', over: 0 }, '/over: must not be 0'],
    [{ at: '/a', index: true }, '/index: must be a whole number, or a source'],
    [{ at: '/a', index: 0.5 }, '/index: must be a whole number, or a source'],
    [{ at: '/a', index: '{key}' }, '/index: a key needs "each"'],
    [{ at: '/a', split: '' }, '/split: must be a text'],
    [{ at: '/a', round: false }, '/round: must be true'],
    [{ at: '/a', round: 0 }, '/round: must be true'],
    [{ at: '/a', times: Infinity }, '/times: must be a number'],
    [{ at: '/a', round: 10 }, 'decimals from 1 to 9'],
    [{ at: '/a', map: {} }, '/map: must be an object'],
    [{ const: 1, at: '/a' }, '"const" stands alone'],
    [{ const: {} }, '/const: must be'],
    [{}, 'must have "at", "first", "join" or "const"'],
    [5, 'must be an object'],
  ])('[P10] refuses %j', (spec, why) => {
    expect(problem(spec)).toContain(why);
  });
});
