import { type BigIntStats, statSync } from 'node:fs';
import { realFile } from '#runtime/real-file.ts';

/** What belongs to an open database; while it is open, SQLite neither removes nor replaces any of it. */
const JOURNALS = ['-wal', '-shm'] as const;

/** With the disk: an inode alone means nothing where another one was mounted. Whole numbers: some file systems have 64 bits of them. */
export type Place = Pick<BigIntStats, 'dev' | 'ino'>;
/** Of a file that did not stand there before it was opened: no file that is found there is it. */
const NOWHERE: Place = { dev: -1n, ino: -1n };

/** What stands at the path now; to be asked before it is opened. */
export function placeOf(path: string): Place | undefined {
  const found = lookAt(path);
  return found instanceof Error ? undefined : found;
}

/**
 * Whether what an open database writes can be found where its path says. On Unix a file that was deleted, moved or replaced
 * goes on taking commits, and nobody finds them after the process has ended.
 *
 * The path may be a link: its journals stand beside what that names when it is opened, and a link that is removed or names
 * another file is as if the file was. Made right after the database was opened; what it is, a look before the opening has told: what stands there after it may
 * have come in between. A journal that SQLite makes later is known from the first look that finds it.
 */
export class StandingFile {
  readonly #file: string;
  readonly #paths: readonly string[];
  readonly #known = new Map<string, Place>();

  /** @param place what stood there before it was opened. */
  constructor(file: string, place: Place | undefined) {
    this.#file = file;
    const real = realFile(file);
    this.#paths = [file, ...JOURNALS.map((ending) => `${real}${ending}`)];
    this.#known.set(file, place ?? NOWHERE);
    this.displacement();
  }

  /** What does not stand there any more, in words; `undefined`: all of it does. Three calls of `stat`. */
  displacement(): string | undefined {
    for (const path of this.#paths) {
      const found = lookAt(path);
      if (found instanceof Error) return `${path} cannot be looked at any more: ${found.message}`;
      const known = this.#known.get(path);
      if (known === undefined) {
        if (found !== undefined) this.#known.set(path, found);
      } else if (found === undefined) {
        return `${path} was deleted or moved away while it is in use`;
      } else if (!isSame(found, known)) {
        return `${path} was replaced by another file while it is in use`;
      }
    }
    return undefined;
  }

  /** What the path of the database itself names: its journals aside. */
  atPath(): 'it' | 'another' | 'nothing' {
    const found = placeOf(this.#file);
    const known = this.#known.get(this.#file);
    if (found === undefined) return 'nothing';
    return known !== undefined && isSame(found, known) ? 'it' : 'another';
  }
}

function lookAt(path: string): BigIntStats | Error | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return error as Error;
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
