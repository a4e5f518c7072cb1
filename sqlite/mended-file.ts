import { isDamage } from './set-aside.ts';
import { type FileIdentity, identityOf, isTaken, putBack } from './taken-file.ts';

/** A file that is found damaged again so soon is on a disk that is lost: making it anew again would be no use. */
const MEND_EVERY_MS = 10 * 60 * 1000;
/** Putting a file back copies all of it: where that fails, it is not tried again with each call. */
const PUT_BACK_EVERY_MS = 10_000;

export interface MendedFileOptions<T extends Disposable> {
  readonly file: string;
  readonly open: () => T;
  /** Of the owner alone. */
  readonly owner?: FileOwner<T> | undefined;
}

export interface FileOwner<T> {
  /** Makes the damaged file, which is closed, anew. @throws when it could not */
  readonly mend: (damage: string) => void;
  /** Writes all that the open file holds to a new one. */
  readonly copyTo: (it: T, path: string) => void;
  /** Told when the file was deleted or replaced, and put back. @param found where that is kept what stood in its place */
  readonly onPutBack: (found: string | undefined) => void;
  readonly onNotPutBack: (error: unknown) => void;
}

/**
 * A database file that may be replaced while it is in use, and what works on it.
 *
 * *Open*, until it is damaged: then it is closed, made anew by its owner, and opened again, and what was under way is done
 * again. *Taken*: its path names another file, or none. Its owner puts it back, with all that it holds: on Unix an open
 * file can be written when nobody can ever find it again, and what was acknowledged would end with the process. Who does
 * not own it opens what its owner has put there. *Given up*: damaged again within ten minutes; then the damage is thrown,
 * each time.
 */
export class MendedFile<T extends Disposable> implements Disposable {
  readonly #options: MendedFileOptions<T>;
  #open: { readonly it: T; identity: FileIdentity } | undefined;
  #mendFrom = -Infinity;
  #putBackFailure: { readonly error: unknown; readonly until: number } | undefined;

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
    const { owner } = this.#options;
    if (owner === undefined || performance.now() < this.#mendFrom) return false;
    this.#mendFrom = performance.now() + MEND_EVERY_MS;
    this.#close();
    owner.mend(damage);
    return true;
  }

  [Symbol.dispose](): void {
    try {
      // What was acknowledged since it was taken is nowhere else.
      if (this.#open !== undefined) this.#current();
    } catch {
      // It was told.
    }
    this.#close();
  }

  #close(): void {
    this.#open?.it[Symbol.dispose]();
    this.#open = undefined;
  }

  #current(): T {
    const now = identityOf(this.#options.file);
    if (this.#open !== undefined) this.#keepUp(this.#open, now);
    this.#open ??= { it: this.#options.open(), identity: identityOf(this.#options.file) };
    return this.#open.it;
  }

  /** Afterwards the file is closed, or is what its path names. */
  #keepUp(open: { readonly it: T; identity: FileIdentity }, now: FileIdentity): void {
    if (!isTaken(open.identity, now)) {
      // A journal may have been made since.
      if (now.size > open.identity.size) open.identity = now;
      return;
    }
    if (this.#options.owner !== undefined) this.#putBack(this.#options.owner, open);
    else if (now.has('') && now.get('') !== open.identity.get('')) this.#close();
  }

  #putBack(owner: FileOwner<T>, { it }: { readonly it: T }): void {
    if (this.#putBackFailure !== undefined && performance.now() < this.#putBackFailure.until) {
      throw this.#putBackFailure.error;
    }
    try {
      const found = putBack(this.#options.file, (path) => owner.copyTo(it, path));
      this.#close();
      this.#putBackFailure = undefined;
      owner.onPutBack(found);
    } catch (error) {
      this.#putBackFailure = { error, until: performance.now() + PUT_BACK_EVERY_MS };
      owner.onNotPutBack(error);
      throw error;
    }
  }
}
