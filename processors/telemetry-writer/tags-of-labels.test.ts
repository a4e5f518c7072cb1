import { expect, it, vi } from 'vitest';
import { TagsOfLabels } from './tags-of-labels.ts';

it('tags of a record are the chosen ones of its labels, by name', () => {
  const tags = new TagsOfLabels(['site', 'line', 'site'], () => undefined);
  const header = '{"model":"x","site":"a","line":"2"}';
  expect(tags.of(header)).toEqual([
    ['line', '2'],
    ['site', 'a'],
  ]);
  expect(tags.of(header)).toBe(tags.of(header));
  for (const none of [undefined, '{"model":"x"}', 'not ours', '{"site":1}', '{"site":"a\\nb"}'])
    expect(tags.of(none)).toBeUndefined();
  expect(new TagsOfLabels([], () => undefined).of(header)).toBeUndefined();
});

it('more sets of labels than devices can have are told, and still become tags', () => {
  const onTooMany = vi.fn();
  const tags = new TagsOfLabels(['site'], onTooMany);
  for (let site = 0; site <= 10_000; site++)
    expect(tags.of(`{"site":"${site}"}`)).toEqual([['site', String(site)]]);
  expect(onTooMany).toHaveBeenCalledOnce();
});
