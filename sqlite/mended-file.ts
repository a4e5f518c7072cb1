import { statSync } from 'node:fs';
import { isDamage } from './set-aside.ts';

/** A file that is found damaged again so soon is on a disk that is lost: making it anew again would be no use. */
const MEND_EVERY_MS = 10 * 60 * 1000;

export interface MendedFileOptions<T extends Disposable> {
  readonly file: string;
  readonly open: () => T;
  /** Makes the file anew; missing = that is for others to do. @throws when it could not */
  readonly mend?: (damage: string) => void;
}

/**
 * A database file that may be replaced while it is in use, and what works on it.
 *
 * *Open*, until another file stands in its place (its owner made it anew) or it is damaged: then it is closed, made anew
 * by whoever may, and opened again, and what was under way is done again. *Given up*: damaged again within ten minutes;
 * then the damage is thrown, each time.
 */
export class MendedFile<T extends Disposable> implements Disposable {
  readonly #options: MendedFileOptions<T>;
  #open: { readonly it: T; readonly inode: number } | undefined;
  #mendFrom = -Infinity;

  constructor(options: MendedFileOptions<T>) {
    this.#options = options;
  }

  /** @param work is done again after damage: it must leave nothing behind when it throws. */
  use<R>(work: (it: T) => R): R {
    try {
      return work(this.#current());
    } catch (error) {
      if (!isDamage(error) || !this.mend(error instanceof Error ? error.message : String(error))) throw error;
      return work(this.#current());
    }
  }

  /** Somebody else found it damaged. @returns whether it was made anew. */
  mend(damage: string): boolean {
    if (this.#options.mend === undefined || performance.now() < this.#mendFrom) return false;
    this.#mendFrom = performance.now() + MEND_EVERY_MS;
    this[Symbol.dispose]();
    this.#options.mend(damage);
    return true;
  }

  [Symbol.dispose](): void {
    this.#open?.it[Symbol.dispose]();
    this.#open = undefined;
  }

  #current(): T {
    const inode = statSync(this.#options.file, { throwIfNoEntry: false })?.ino;
    if (this.#open !== undefined && inode !== undefined && this.#open.inode !== inode) this[Symbol.dispose]();
    this.#open ??= {
      it: this.#options.open(),
      inode: inode ?? statSync(this.#options.file).ino,
    };
    return this.#open.it;
  }
}
