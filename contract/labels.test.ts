import { describe, expect, it } from 'vitest';
import { decodeLabels, encodeLabels, isLabelName, labelProblems, withLabels } from '#contract/labels.ts';
import { LIMITS } from '#contract/limits.ts';

describe('labels of a device', () => {
  it('are names and values that every store can hold', () => {
    expect(labelProblems({})).toEqual([]);
    expect(labelProblems({ site: 'a', line_2: 'Größe, 2 = "x"', model: '日本' })).toEqual([]);
  });

  it.each([
    ['', 'a'],
    ['Site', 'a'],
    ['_field', 'a'],
    ['2nd', 'a'],
    ['a-b', 'a'],
    ['x'.repeat(33), 'a'],
    ['device', 'a'],
    ['time', 'a'],
    ['constructor', 'a'],
    ['site', ''],
    ['site', ' a'],
    ['site', 'a '],
    ['site', 'a\nb'],
    ['site', 'a\u2028b'],
    ['site', 'a\\'],
    ['site', '\ud800'],
    ['site', 'x'.repeat(65)],
  ])('%j = %j is refused with its name', (name, value) => {
    const [problem, ...others] = labelProblems({ [name]: value });
    expect(others).toEqual([]);
    expect(problem).toContain(name);
  });

  it('are joined by those of a mapping, which are surely there', () => {
    const header = encodeLabels({ site: 'a', line: '1' });
    expect(withLabels(header, undefined)).toBe(header);
    expect(withLabels(undefined, { site: 'b' })).toBe('{"site":"b"}');
    expect(decodeLabels(withLabels(header, { site: 'b' }))).toEqual({ site: 'b', line: '1' });
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`t${at}`, 'a']));
    expect(decodeLabels(withLabels(header, many))).toEqual(many);
  });

  it('are bounded in number and bytes', () => {
    const many = (count: number, value: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`label${n}`, value]));
    expect(labelProblems(many(LIMITS.labelsPerDevice, 'a'))).toEqual([]);
    expect(labelProblems(many(LIMITS.labelsPerDevice + 1, 'a'))).toEqual([
      expect.stringContaining('at most 8'),
    ]);
    expect(labelProblems(many(LIMITS.labelsPerDevice, '日'.repeat(64)))).toEqual([
      expect.stringContaining('bytes'),
    ]);
  });

  it('have no name that every object has', () => {
    for (const name of Object.getOwnPropertyNames(Object.prototype)) expect(isLabelName(name)).toBe(false);
  });

  it('come back from a header; what no gateway wrote is none', () => {
    const labels = { site: 'a', line: 'Zwei "2"' };
    expect(decodeLabels(encodeLabels(labels))).toEqual(labels);
    for (const header of [
      undefined,
      '',
      'x',
      '[]',
      'null',
      '{"site":1}',
      '{"Site":"a"}',
      '{"__proto__":"a"}',
    ])
      expect(decodeLabels(header)).toBeUndefined();
    expect(decodeLabels(`{"site":"${'x'.repeat(LIMITS.labelBytes)}"}`)).toBeUndefined();
  });
});
