import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeError } from '#runtime/errors.ts';
import { realFile } from '#runtime/real-file.ts';
import type { MendedFile } from './mended-file.ts';

/** How often an owner looks that writes nothing. Milliseconds. */
const LOOK_MS = 1_000;

/** What became of a file that does not stand at its path any more. */
export type DisplacementEvent =
  | { readonly kind: 'displaced'; readonly detail: string }
  /** `to`: a copy of all that it held; missing: its journals alone were gone, and the file holds it all now. */
  | { readonly kind: 'rescued'; readonly to: string | undefined }
  | { readonly kind: 'not-rescued'; readonly detail: string }
  | { readonly kind: 'stands-again' };

/** An open database that can be kept from ending with its process. */
export interface RescuableDatabase extends Disposable {
  /** @returns where a copy of all that it holds is now. @throws Error when there is none */
  rescue(): string;
  /** Moves what its write-ahead log holds to the file, where that stands. @throws Error when that cannot be done */
  emptyWriteAheadLog(): void;
}

/**
 * The owner's eye on its file.
 *
 * *Standing* → *displaced*, when a look finds the file or a journal deleted, moved or replaced: told once, and what the file
 * holds is kept where it can be found: where its folder stands at once, else at the end, for a folder that was moved can
 * be put back as long as nobody made another one. Nothing more is acknowledged meanwhile (by whoever writes), so that one
 * copy is enough. → *standing*, when a look finds everything again: the copy is not needed then.
 */
export class DisplacementWatch implements Disposable {
  readonly #file: string;
  readonly #database: MendedFile<RescuableDatabase>;
  readonly #emit: (event: DisplacementEvent) => void;
  readonly #timer: NodeJS.Timeout;
  #isDisplaced = false;
  /** Tried, also in vain: that costs as much as the file is large. */
  #rescueTried = false;
  #rescued: string | undefined;

  constructor(
    file: string,
    database: MendedFile<RescuableDatabase>,
    emit: (event: DisplacementEvent) => void,
  ) {
    this.#file = file;
    this.#database = database;
    this.#emit = emit;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Before the database is closed. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#look();
    if (this.#isDisplaced && this.#rescued === undefined) this.#rescue();
  }

  #look(): void {
    const detail = this.#database.displacement();
    if (detail === undefined) {
      if (this.#isDisplaced) this.#standAgain();
      return;
    }
    if (!this.#isDisplaced) this.#emit({ kind: 'displaced', detail });
    this.#isDisplaced = true;
    if (this.#rescued === this.#file && this.#database.atPath() !== 'it') {
      // Its journals went first.
      this.#rescueTried = false;
      this.#rescued = undefined;
    }
    if (!this.#rescueTried && existsSync(dirname(realFile(this.#file)))) this.#rescue();
  }

  #rescue(): void {
    this.#rescueTried = true;
    try {
      this.#rescued = this.#database.use((it) => this.#copyOf(it));
      this.#emit({ kind: 'rescued', to: this.#rescued === this.#file ? undefined : this.#rescued });
    } catch (error) {
      this.#emit({ kind: 'not-rescued', detail: describeError(error) });
    }
  }

  #copyOf(it: RescuableDatabase): string {
    if (this.#database.atPath() === 'it') {
      it.emptyWriteAheadLog();
      return this.#file;
    }
    try {
      // A file that is elsewhere now is whole then, and what stands in its place gets no journal of another one.
      it.emptyWriteAheadLog();
    } catch {
      // Somebody reads it: the copy holds all of it anyway.
    }
    return it.rescue();
  }

  #standAgain(): void {
    try {
      if (this.#rescued !== undefined && this.#rescued !== this.#file) rmSync(this.#rescued, { force: true });
    } catch {
      // It is told of at the next start.
    }
    this.#isDisplaced = false;
    this.#rescueTried = false;
    this.#rescued = undefined;
    this.#emit({ kind: 'stands-again' });
  }
}

/** For people: where that is which a displaced file held. */
export function keptWords(copy: string | undefined): string {
  return copy === undefined
    ? 'the file itself holds all that its journals did'
    : `${copy} is a copy of all that it held; the next start takes it, unless a file stands at its path`;
}
