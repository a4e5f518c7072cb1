import { describe, expect, it } from 'vitest';
import { compileCondition } from '#contract/mapping/condition.ts';
import { CONTEXT, placeWithProblems, scopeOf } from '#contract/mapping/testing/map-one.ts';

function holds(spec: unknown, value: unknown): boolean | undefined {
  const { at, problems } = placeWithProblems();
  const condition = compileCondition(spec, at, CONTEXT);
  expect(problems).toEqual([]);
  return condition?.(scopeOf(value));
}

describe('conditions', () => {
  it.each<[unknown, unknown, boolean]>([
    [undefined, 1, true],
    [{ '/a': 1 }, { a: 1 }, true],
    [{ '/a': 1 }, { a: '1' }, false],
    [{ '/a': null }, { a: null }, true],
    [{ '/a': null }, {}, false],
    [{ '/a': [1, 'x'] }, { a: 'x' }, true],
    [{ '/a': [1, 'x'] }, { a: 2 }, false],
    [{ '/a': { exists: true } }, { a: 0 }, true],
    [{ '/a': { exists: true } }, { a: null }, false],
    [{ '/a': { exists: false } }, {}, true],
    [{ '/a': { has: 'x' } }, { a: { x: 0 } }, true],
    [{ '/a': { has: ['y', 'x'] } }, { a: { x: 0 } }, true],
    [{ '/a': { has: ['y', 'x'] } }, { a: { x: null } }, false],
    [{ '/a': { has: ['0', 'length'] } }, { a: [1] }, false],
    [{ '/a': { has: 'constructor' } }, { a: {} }, false],
    [{ '/a': { not: { has: 'x' } } }, {}, true],
    [{ '/a': { not: 1 } }, {}, true],
    [{ '/a': { not: { type: 'number' } } }, { a: 5 }, false],
    [{ '/a': { type: 'array' } }, { a: [] }, true],
    [{ '/a': { type: 'object' } }, { a: [] }, false],
    [{ '/a': { type: ['number', 'null'] } }, { a: null }, true],
    [{ '/a': { like: 'switch:*' } }, { a: 'switch:2' }, true],
    [{ '/a': { like: ['x', 'switch:?'] } }, { a: 'switch:12' }, false],
    [{ '/a': { like: '*' } }, { a: 5 }, false],
    [{ '/a': { least: 5 } }, { a: 5 }, true],
    [{ '/a': { least: 5 } }, { a: 4.9 }, false],
    [{ '/a': { least: 5 } }, { a: '6' }, false],
    [{ '/a': { not: { least: 5 } } }, {}, true],
    [{ '/a': { least: 5 } }, { a: '9007199254740993' }, true],
    [{ '/a': { least: 5 } }, { a: '-9007199254740993' }, false],
    [{ '/a': { type: 'number' } }, { a: '9007199254740993' }, true],
    [{ '/a': { type: 'number' } }, { a: '1234567890123456' }, false],
    [{ '/a': { type: 'number' } }, { a: '9007199254740993.5' }, false],
    [{ '/a': 2 ** 64 }, { a: '18446744073709551615' }, true],
    [{ '/a': { not: [1, 2 ** 64] } }, { a: '9007199254740993' }, true],
    [{ '/a': { same: '/b' } }, { a: 'x', b: 'x' }, true],
    [{ '/a': { not: { same: '/b' } } }, { a: 'x', b: 'x' }, false],
    [[{ '/a': 1 }, { '/b': 2 }], { a: 3, b: 2 }, true],
    [[{ '/a': 1 }, { '/b': 2 }], { a: 3, b: 3 }, false],
    [{ '/a': 1, '/b': 2 }, { a: 1, b: 2 }, true],
    [{ '/a': 1, '/b': 2 }, { a: 1, b: 3 }, false],
  ])('%j of %j is %s', (spec, value, expected) => {
    expect(holds(spec, value)).toBe(expected);
  });

  it.each<[unknown, string]>([
    [5, 'source: test'],
    [{ '/a': {} }, 'exactly one'],
    [{ '/a': { exists: 1 } }, 'true or false'],
    [{ '/a': { type: 'text' } }, 'must be of null'],
    [{ '/a': { has: [] } }, 'name of a member'],
    [{ '/a': { has: [1] } }, 'name of a member'],
    [{ '/a': { nott: 1 } }, 'unknown property'],
    [{ '/a': [[1]] }, 'literals only'],
    [{ '/a': [] }, 'allows nothing'],
    [[], 'allows nothing'],
    [[{ a: 1 }], 'f.json: /0'],
    [{ '/a': { like: 5 } }, '* stands for'],
    [{ '/a': { like: [] } }, '* stands for'],
    [{ '/a': { like: '*a'.repeat(200) } }, 'at most 256 characters'],
    [{ '/a': { same: '{none}' } }, 'no {none}'],
    [{ '/a': { same: 1 } }, 'must be a source'],
    [{ '/a': { least: '5' } }, 'must be a number'],
    [{ a: 1 }, 'no source'],
  ])('[P10] refuses %j', (spec, why) => {
    const { at, problems } = placeWithProblems();
    compileCondition(spec, at, CONTEXT);
    expect(problems.join('\n')).toContain(why);
  });
});
