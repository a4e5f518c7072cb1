import { letterDigest } from './letter-digest.ts';
import type { Letter } from './letters.ts';

/** A letter, and how many more like it there are. */
export interface FoldedLetter {
  /** The oldest of them. */
  readonly letter: Letter;
  readonly copies: number;
  /** Of the newest of them, milliseconds since the epoch. */
  readonly lastTime: number;
}

/** Letters that are remembered for comparison, 100 to 250 bytes each beside their payloads. */
const REMEMBERED_LETTERS = 20_000;
/** Bytes of payloads held by them. */
const REMEMBERED_BYTES = 64 * 1024 * 1024;

/**
 * Folds letters that say the same (device, reason, index, bytes): a device that never saw the acknowledgement sends a
 * bad message again, and a person wants to see it once. Letters of one device stand in one partition, so a partition
 * is folded by itself; within it the newest 20,000 different letters (64 MiB of payloads) are remembered, and a copy
 * that comes later than that shows as a letter of its own. Yields in the order of first appearance.
 */
export async function* foldDuplicates(
  letters: AsyncIterable<Letter>,
  bounds: { readonly letters: number; readonly bytes: number } = {
    letters: REMEMBERED_LETTERS,
    bytes: REMEMBERED_BYTES,
  },
): AsyncGenerator<FoldedLetter> {
  const remembered = new Map<string, { letter: Letter; copies: number; lastTime: number }>();
  // One iterator for the life of the map: a new one would step over everything that was let go before.
  let oldestFirst = remembered.entries();
  let bytes = 0;
  let partition = -1;
  for await (const letter of letters) {
    if (letter.partition !== partition) {
      yield* remembered.values();
      remembered.clear();
      oldestFirst = remembered.entries();
      bytes = 0;
      partition = letter.partition;
    }
    // A letter that was replayed and its copy that was not are not the same news.
    const digest = letterDigest(letter, letter.state?.outcome);
    const known = remembered.get(digest);
    if (known !== undefined) {
      known.copies++;
      known.lastTime = letter.time;
      continue;
    }
    // A copy: the payload may be a view, and would keep the whole chunk that was read.
    const own = { ...letter, payload: Buffer.from(letter.payload) };
    remembered.set(digest, { letter: own, copies: 1, lastTime: letter.time });
    bytes += letter.payload.length;
    while (remembered.size > bounds.letters || bytes > bounds.bytes) {
      const [oldest, folded] = oldestFirst.next().value as [string, FoldedLetter];
      remembered.delete(oldest);
      bytes -= folded.letter.payload.length;
      yield folded;
    }
  }
  yield* remembered.values();
}
