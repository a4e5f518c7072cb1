import { describe, expect, it } from 'vitest';
import { batchesOf } from '#contract/mapping/mapped-records.ts';
import { mapOne, problemsOf, rule } from '#contract/mapping/testing/map-one.ts';

const as = (more: object) => ({ as: { type: 'pump/1', ...more } });
const namesOf = (more: object, payload: unknown = { f: 1, site: 'CLE' }, topic = 't/x') =>
  mapOne({ ...as(more), topic: 't/{level}' }, payload, topic).readings.map(({ names }) => names);
const problems = (more: object) => problemsOf({ source: 'one', rules: [rule(as(more))] }).join('\n');

describe('what a reading is called in the store', () => {
  it.each<[string, object, unknown]>([
    ['nothing but its type', {}, {}],
    ['a measurement', { measurement: 'mqtt_consumer' }, { measurement: 'mqtt_consumer' }],
    [
      'tags: constants, captures, values',
      { tags: { version: 'v1', level: '{level}', site: '/site', n: '/f' } },
      { tags: { version: 'v1', level: 'x', site: 'CLE', n: '1' } },
    ],
    [
      'a part of a value',
      { tags: { site: { at: '/site', map: { CLE: 'Cleveland' } } } },
      { tags: { site: 'Cleveland' } },
    ],
    ['the whole topic', { tags: { topic: '{topic}' } }, { tags: { topic: 't/x' } }],
    ['a tag that is not there', { measurement: 'm', tags: { line: '/line' } }, { measurement: 'm' }],
  ])('%s', (_name, more, expected) => {
    expect(namesOf(more)).toEqual([expected]);
  });

  it.each<[string, unknown]>([
    ['an object', { f: 1, site: { a: 1 } }],
    ['too long a text', { f: 1, site: 'x'.repeat(65) }],
    ['a line break', { f: 1, site: 'a\nb' }],
  ])('[P5] a tag that cannot be one is told with its place: %s', (_name, payload) => {
    const { readings, rejects } = mapOne(as({ tags: { site: '/site' } }), payload);
    expect(readings).toEqual([]);
    expect(rejects).toMatchObject([
      {
        reason: 'mapping-failed',
        detail: { errors: [{ path: '/site', message: expect.stringContaining('(site)') }] },
      },
    ]);
  });

  it('readings of one device that are called differently are records of their own', () => {
    const { readings } = mapOne({ ...as({ tags: { site: '/site' } }), each: '', values: { flow: '/f' } }, [
      { f: 1, site: 'a' },
      { f: 2, site: 'b' },
      { f: 3, site: 'a' },
    ]);
    expect(
      batchesOf(readings).map((batch) => [
        batch.names?.tags,
        batch.readings.map(({ values }) => values['flow']),
      ]),
    ).toEqual([
      [{ site: 'a' }, [1, 3]],
      [{ site: 'b' }, [2]],
    ]);
  });

  it.each<[object, string]>([
    [{ type: 'pump/9' }, 'there is no schema'],
    [{ type: 5 }, 'must be "<type>/<version>"'],
    [{ measurement: '_internal' }, 'must be a name of'],
    [{ measurement: 'sqlite_x' }, 'must be a name of'],
    [{ measurement: 'a b' }, 'must be a name of'],
    [{ measurement: 5 }, 'must be a name of'],
    [{ tags: [] }, 'must be an object of tag'],
    [{ tags: { Site: 'a' } }, '/as/tags/Site (rule t): must be a name'],
    [{ tags: { device: 'a' } }, 'must be a name'],
    [{ tags: { flow: 'a' } }, 'has a field of that name'],
    [{ tags: { site: 'a\\' } }, 'to be a tag'],
    [{ tags: { site: '{none}' } }, 'no {none}'],
    [{ tags: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`t${at}`, 'a'])) }, 'at most 8'],
    [{ tag: {} }, 'unknown property'],
  ])('[P10] refuses %j', (more, why) => {
    expect(problems(more)).toContain(why);
  });

  it('[P10] types that share a measurement agree on their fields, and names differ by more than capitals', () => {
    const rules = (first: object, second: object) =>
      problemsOf({
        source: 'one',
        rules: [rule({ topic: 'a', ...first }), rule({ topic: 'b', ...second })],
      });
    const pump = (measurement: string) => ({ as: { type: 'pump/1', measurement } });
    const strict = (measurement: string) => ({ as: { type: 'strict/1', measurement } });
    const other = (measurement: string) => ({ as: { type: 'other/1', measurement }, values: { flow: '/f' } });
    expect(rules(pump('m'), strict('m'))).toEqual([]);
    expect(rules(pump('m'), other('m'))).toEqual([
      '0.json: /rules/1 (rule b): the measurement m has "flow" as string of other/1 and as float of pump/1',
    ]);
    expect(rules(pump('Main'), strict('main'))).toEqual([
      '0.json: /rules/1 (rule b): the measurement main differs from Main by capital letters only',
    ]);
    // The measurement of a type is there, too.
    expect(rules(other('pump'), strict('m'))).toEqual([
      expect.stringContaining('"flow" as string of other/1'),
    ]);
    expect(rules(pump('Pump'), strict('m'))).toEqual([expect.stringContaining('by capital letters only')]);
  });
});
