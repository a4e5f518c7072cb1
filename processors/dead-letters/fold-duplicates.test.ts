import { describe, expect, test } from 'vitest';
import { foldDuplicates } from './fold-duplicates.ts';
import type { Letter } from './letters.ts';
import { letterFor } from './testing/log-with-letters.ts';

function letter(offset: number, device: string, payload: string, more: Partial<Letter> = {}): Letter {
  const partition = 0;
  const id = `${partition}-${offset}`;
  return {
    ...letterFor(device, payload),
    id,
    partition,
    offset,
    time: offset,
    headers: {},
    state: undefined,
    ...more,
  };
}

async function fold(letters: readonly Letter[], bounds?: Parameters<typeof foldDuplicates>[1]) {
  async function* stream() {
    yield* letters;
  }
  const folded = await Array.fromAsync(foldDuplicates(stream(), bounds));
  return folded.map(({ letter: { id }, copies, lastTime }) => [id, copies, lastTime]);
}

describe('duplicates', () => {
  test('same device, reason, index and bytes: one, counted, the oldest of them', async () => {
    const letters = [letter(1, 'a', 'x'), letter(2, 'b', 'x'), letter(3, 'a', 'x'), letter(9, 'a', 'x')];
    expect(await fold(letters)).toEqual([
      ['0-1', 3, 9],
      ['0-2', 1, 2],
    ]);
  });

  test('anything else that differs makes another letter', async () => {
    const letters = [
      letter(1, 'a', 'x'),
      letter(2, 'a', 'y'),
      letter(3, 'a', 'x', { reason: 'not-utf8' }),
      letter(4, 'a', 'x', { index: 0 }),
      letter(5, 'a', 'x', { index: 1 }),
      letter(6, 'a', 'x', { state: { outcome: 'replayed', at: 1, attempt: 1 } }),
    ];
    expect(await fold(letters)).toHaveLength(6);
  });

  test('memory is bounded, in letters and in bytes: a copy that comes too late stands alone', async () => {
    const letters = [letter(1, 'a', 'x'), letter(2, 'a', 'y'), letter(3, 'a', 'z'), letter(4, 'a', 'x')];
    const expected = [
      ['0-1', 1, 1],
      ['0-2', 1, 2],
      ['0-3', 1, 3],
      ['0-4', 1, 4],
    ];
    expect(await fold(letters, { letters: 2, bytes: 1_000 })).toEqual(expected);
    expect(await fold(letters, { letters: 1_000, bytes: 2 })).toEqual(expected);
    expect(await fold(letters, { letters: 3, bytes: 3 })).toHaveLength(3);
  });

  test('each partition by itself', async () => {
    const letters = [letter(1, 'a', 'x'), letter(1, 'a', 'x', { partition: 1, id: '1-1' })];
    expect(await fold(letters)).toHaveLength(2);
  });
});
