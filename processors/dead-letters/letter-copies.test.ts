import { expect, test } from 'vitest';
import type { DeadLetter } from '#contract/dead-letter.ts';
import { LetterCopies } from './letter-copies.ts';
import { letterFor } from './testing/log-with-letters.ts';

const everyDevice = () => true;
const allPending = () => true;

function seen(copies: LetterCopies, ...letters: readonly (readonly [offset: number, letter: DeadLetter])[]) {
  for (const [offset, letter] of letters) copies.letterSeen({ partition: 0, offset }, letter);
}
const offsets = (
  copies: LetterCopies,
  isPending = (_: { offset: number }) => true,
  isCrowded: (deviceId: string) => boolean = everyDevice,
) => copies.superfluous(isPending, isCrowded).map(({ letter, kept }) => [letter.offset, kept.offset]);

test('[P2] all but the newest of those that say the same are superfluous, oldest first', () => {
  const copies = new LetterCopies();
  seen(copies, [0, letterFor('a', '{')], [1, letterFor('a', '[')], [2, letterFor('a', '{')]);
  seen(copies, [3, letterFor('a', '[')], [4, letterFor('a', '{')], [5, letterFor('a', '}')]);
  expect(offsets(copies)).toEqual([
    [0, 4],
    [1, 3],
    [2, 4],
  ]);
});

test('[P2] another device, reason, index or bytes is another letter', () => {
  const copies = new LetterCopies();
  const letter = letterFor('a', '{');
  seen(copies, [0, letter], [1, { ...letter, deviceId: 'b' }], [2, { ...letter, reason: 'not-utf8' }]);
  seen(copies, [3, { ...letter, index: 0 }], [4, { ...letter, index: 1 }], [5, letterFor('a', '{ ')]);
  expect(offsets(copies)).toEqual([]);
});

test('[P2] what the telemetry-writer put aside stands for a record of its own each', () => {
  const copies = new LetterCopies();
  const letter: DeadLetter = {
    ...letterFor('a', ''),
    reason: 'undecodable-record',
    stage: 'telemetry-writer',
  };
  seen(copies, [0, letter], [1, letter]);
  expect(offsets(copies)).toEqual([]);
});

test('[P2] when somebody dealt with the newest, the newest that is pending stays', () => {
  const copies = new LetterCopies();
  for (const offset of [0, 1, 2, 3]) seen(copies, [offset, letterFor('a', '{')]);
  expect(offsets(copies, ({ offset }) => offset < 3)).toEqual([
    [0, 2],
    [1, 2],
  ]);
  expect(offsets(copies, ({ offset }) => offset === 1)).toEqual([]);
  expect(offsets(copies, () => false)).toEqual([]);
});

test('only devices that are crowded make room', () => {
  const copies = new LetterCopies();
  for (const offset of [0, 2]) seen(copies, [offset, letterFor('a', '{')], [offset + 1, letterFor('b', '{')]);
  expect(offsets(copies, allPending, (deviceId) => deviceId === 'b')).toEqual([[1, 3]]);
});

test('letters may be told twice', () => {
  const copies = new LetterCopies();
  const both = [[0, letterFor('a', '{')] as const, [1, letterFor('a', '{')] as const];
  seen(copies, ...both);
  seen(copies, ...both);
  expect(offsets(copies)).toEqual([[0, 1]]);
});

test('remembers as much as it may, what was seen last; what it forgot stays', () => {
  const different = new LetterCopies({ different: 2, each: 10, all: 10 });
  seen(different, [0, letterFor('a', '{')], [1, letterFor('a', '[')], [2, letterFor('a', '{')]);
  // The third forgets "[", which was seen longest ago.
  seen(different, [3, letterFor('a', '}')], [4, letterFor('a', '{')], [5, letterFor('a', '[')]);
  expect(offsets(different)).toEqual([
    [0, 4],
    [2, 4],
  ]);

  const each = new LetterCopies({ different: 10, each: 3, all: 10 });
  for (let offset = 0; offset < 6; offset++) seen(each, [offset, letterFor('a', '{')]);
  expect(offsets(each)).toEqual([
    [3, 5],
    [4, 5],
  ]);

  const all = new LetterCopies({ different: 10, each: 10, all: 3 });
  for (const offset of [0, 1]) seen(all, [offset, letterFor('a', '{')]);
  for (const offset of [2, 3]) seen(all, [offset, letterFor('a', '[')]);
  expect(offsets(all)).toEqual([[2, 3]]);
});
