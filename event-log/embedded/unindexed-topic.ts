/**
 * Finds a topic without the index on their names, for when that finds none: a page of it that a disk has lost, or that
 * somebody wrote over, may look like an empty one.
 */
export const FIND_UNINDEXED = 'SELECT 1 FROM topics NOT INDEXED WHERE name = ?';

/** A kind of damage: the file is made anew for it. */
export function lostByIndex(topic: string): RangeError {
  return new RangeError(`the index of the topics has lost ${topic}`);
}
