import { expect, test } from 'vitest';
import { backlogStart } from '#event-log/backlog-start.ts';

test.each([
  ['never consumed', 0, -1, 0],
  ['never consumed, its oldest records gone', 4, -1, 4],
  ['half way', 0, 7, 7],
  ['overtaken by retention', 8, 3, 8],
  ['at the end', 0, 10, 10],
  ['beyond the end', 4, 11, 4],
])(
  '[P7] the backlog of a group begins where it stands, or at what is left: %s',
  (_, oldest, committed, start) => {
    expect(backlogStart({ oldestOffset: oldest, committedOffset: committed, endOffset: 10 })).toBe(start);
  },
);
