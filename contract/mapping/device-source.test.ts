import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeviceId } from '#contract/device-topic.ts';
import { compileDevice, slugOf } from '#contract/mapping/device-source.ts';
import { Unfit } from '#contract/mapping/scope.ts';
import { CONTEXT, placeWithProblems, scopeOf } from '#contract/mapping/testing/map-one.ts';

function device(spec: unknown, value: unknown): string {
  const { at, problems } = placeWithProblems();
  const source = compileDevice(spec, at, CONTEXT);
  expect(problems).toEqual([]);
  const found = source?.read(scopeOf(value, ['one', 'two']));
  return found instanceof Unfit ? `unfit: ${found.message}` : (found ?? '');
}

describe('devices', () => {
  it.each<[string, unknown, unknown, string]>([
    ['a text', 'p1', 0, 'p1'],
    ['a capture', '{a}', 0, 'one'],
    ['a number', '/id', { id: 12 }, '12'],
    ['a join', { join: ['{a}', '/n', 'x'], with: ':' }, { n: 0 }, 'one:0:x'],
    ['a part', { at: '/id', split: '.', index: 1 }, { id: 'l.p.t' }, 'p'],
    ['a slug', { at: '/id', slug: true }, { id: 'Living room / Küche' }, 'Living-room-:-K-che'],
    ['a slug of a join', { join: ['/id', 'x'], with: ':', slug: true }, { id: 'a b' }, 'a-b:x'],
    ['the first name there is', { first: ['/id', { join: ['{a}', '/n'], with: ':' }] }, { n: 5 }, 'one:5'],
    ['the first of which no part is missing', { first: [{ join: ['/x', '/n'] }, '{b}'] }, { n: 5 }, 'two'],
    [
      'the first that is meant',
      {
        first: [
          { at: '{a}', when: { '/n': 1 } },
          { join: ['{a}', '/n'], with: ' ' },
        ],
        slug: true,
      },
      { n: 2 },
      'one-2',
    ],
    ['no name at all', { first: ['/id', '/n'] }, {}, 'unfit: the device is missing'],
    ['what is no id', '/id', { id: 'a b' }, 'unfit: must be a device id'],
    ['what is missing', '/id', {}, 'unfit: the device is missing'],
    ['a missing part', { join: ['{a}', '/n'] }, {}, 'unfit: the device is missing'],
    ['an object', '/id', { id: {} }, 'unfit: must be a text'],
    ['a fraction', '/id', { id: 1.5 }, 'unfit: must be a text'],
    ['an endless name', { at: '/id', slug: true }, { id: 'x'.repeat(300) }, 'unfit: must be at most'],
  ])('%s', (_name, spec, value, expected) => {
    expect(device(spec, value)).toContain(expected);
  });

  it.each<[unknown, string]>([
    [undefined, 'whose reading'],
    ['lp{a}', 'join'],
    ['my pump', 'cannot be'],
    [{ join: ['{a}'] }, 'must be a list of 2 to 16'],
    [{ join: ['{a}', '{b}'], between: ':' }, 'unknown property'],
    [{ at: '/id', slug: 'yes' }, 'must be true'],
    [{ at: '/id', times: 2 }, 'unknown property'],
    [{ first: ['{a}'] }, 'must be a list of 2 to'],
    [{ first: ['{a}', { at: '{b}', slug: true }] }, 'stands beside "first"'],
    [{ first: ['{a}', '{c}'] }, 'no {c}'],
  ])('[P10] refuses %j', (spec, why) => {
    const { at, problems } = placeWithProblems();
    compileDevice(spec, at, CONTEXT);
    expect(problems.join('\n')).toContain(why);
  });

  it('a slug is always a device id, and two long names stay two', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }), (name) =>
        isDeviceId(slugOf(name)),
      ),
    );
    for (const dots of ['.', '..']) expect(isDeviceId(slugOf(dots))).toBe(true);
    expect(slugOf(`${'x'.repeat(70)}1`)).not.toBe(slugOf(`${'x'.repeat(70)}2`));
  });
});
