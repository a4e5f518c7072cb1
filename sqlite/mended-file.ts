import { PipelineError } from '#runtime/errors.ts';
import { isDamage } from './set-aside.ts';
import { DISPLACED } from './sqlite-failure.ts';
import { placeOf, StandingFile } from './standing-file.ts';

/** A file that is found damaged again so soon is on a disk that is lost: making it anew again would be no use. */
const MEND_EVERY_MS = 10 * 60 * 1000;
/** Openings of a file that is another one each time it was opened. */
const OPENINGS = 5;

interface OpenFile<T> {
  readonly it: T;
  readonly standing: StandingFile;
}

export interface MendedFileOptions<T extends Disposable> {
  readonly file: string;
  readonly open: () => T;
  /** Makes the file anew, of who owns it; missing = that is for others to do. @throws when it could not */
  readonly mend?: (damage: string) => void;
  /** Another file that stands at the path is opened: its owner made it anew, or another owner came. */
  readonly followsPath: boolean;
}

/**
 * A database file that may be replaced while it is in use, and what works on it.
 *
 * *Open*, until it is damaged: then it is closed, made anew by whoever may, and opened again, and what was under way is done
 * again. *Displaced*: its path names another file, or none. Who follows the path opens the other one; the owner, and who
 * reads for it, stay with the one that is open, which holds what was acknowledged. It can be read and written as before,
 * but nothing may be told to be safe there (`displacement`). *Given up*: damaged again within ten minutes, or damaged
 * where it does not stand; then the damage is thrown, each time.
 */
export class MendedFile<T extends Disposable> implements Disposable {
  readonly #options: MendedFileOptions<T>;
  #open: OpenFile<T> | undefined;
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

  /**
   * Why what is written now cannot be found any more when the process has ended, and what is to be done; `undefined`: it can.
   * To be asked after a commit, before anybody is told of it.
   */
  displacement(): string | undefined {
    const what = this.#open?.standing.displacement();
    return (
      what &&
      `${what}: nothing more is taken that would end with this process. Put it back with its -wal and -shm, ` +
        'or stop the pipeline and start it again (docs/repair.md, "A data file was deleted or replaced")'
    );
  }

  /** As `use`, for writing. @throws PipelineError {@link DISPLACED}, also after the work was done where nobody will find it */
  write<R>(work: (it: T) => R): R {
    return this.use((it) => {
      this.#assertStanding();
      const result = work(it);
      this.#assertStanding();
      return result;
    });
  }

  /** What its path names. */
  atPath(): 'it' | 'another' | 'nothing' {
    return this.#open?.standing.atPath() ?? 'nothing';
  }

  /** Somebody else found it damaged. @returns whether it was made anew. */
  mend(damage: string): boolean {
    if (this.#options.mend === undefined || performance.now() < this.#mendFrom) return false;
    if (this.displacement() !== undefined) return false;
    this.#mendFrom = performance.now() + MEND_EVERY_MS;
    this.close();
    this.#options.mend(damage);
    return true;
  }

  /** The next use opens what stands at the path then. */
  close(): void {
    this.#open?.it[Symbol.dispose]();
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #current(): T {
    if (this.#options.followsPath && this.atPath() === 'another') this.close();
    this.#open ??= this.#openStanding();
    return this.#open.it;
  }

  /** Nobody was told anything yet of what this opens: a file that took its place meanwhile is opened instead. */
  #openStanding(): OpenFile<T> {
    const { file, open } = this.#options;
    for (let opening = 1; ; opening++) {
      const place = placeOf(file);
      const it = open();
      const standing = new StandingFile(file, place);
      // Also one that was made by being opened: which one was opened is only known the next time.
      if (standing.atPath() !== 'another' || opening === OPENINGS) return { it, standing };
      it[Symbol.dispose]();
    }
  }

  #assertStanding(): void {
    const detail = this.displacement();
    if (detail !== undefined) throw new PipelineError('store-unavailable', detail, { reason: DISPLACED });
  }
}
