import type { DeadLetter } from '#contract/dead-letter.ts';
import type { RecordPosition } from '#contract/log-record.ts';
import { letterDigest } from './letter-digest.ts';

/** Positions of letters that say the same, in the order of the log. */
interface Copies {
  readonly deviceId: string;
  positions: RecordPosition[];
}

/** A letter, and the newest one like it. */
export interface Duplicate {
  readonly letter: RecordPosition;
  readonly kept: RecordPosition;
}

export interface CopiesBounds {
  /** Different letters that are remembered, about 200 bytes each. */
  readonly different: number;
  /** Copies of one of them, about 50 bytes each. */
  readonly each: number;
  /** Copies of all of them together. */
  readonly all: number;
}

const BOUNDS: CopiesBounds = { different: 20_000, each: 5_000, all: 100_000 };

/**
 * Knows of which letters there are copies (the same device, reason, index and bytes), so that the older ones can go when
 * there is no room for all. Remembers those that were seen last: what is forgotten has no copies and stays. Letters may
 * be told twice, in the order of the log.
 *
 * Only letters of the gateway have copies: it writes one for each time that a device sends the message. A letter of the
 * telemetry-writer stands for a record of its own, which was acknowledged, also where its bytes could not be read.
 */
export class LetterCopies {
  readonly #bounds: CopiesBounds;
  /** By digest; the letter that was seen last stands last. */
  readonly #copies = new Map<string, Copies>();
  #positions = 0;

  constructor(bounds: CopiesBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  letterSeen(position: RecordPosition, letter: DeadLetter): void {
    if (letter.stage !== 'gateway') return;
    const digest = letterDigest(letter);
    const copies = this.#copies.get(digest) ?? { deviceId: letter.deviceId, positions: [] };
    this.#copies.delete(digest);
    this.#copies.set(digest, copies);
    const newest = copies.positions.at(-1);
    if (newest?.partition === position.partition && newest.offset >= position.offset) return;
    copies.positions.push({ partition: position.partition, offset: position.offset });
    this.#positions++;
    if (copies.positions.length > this.#bounds.each) {
      copies.positions.shift();
      this.#positions--;
    }
    while (this.#copies.size > this.#bounds.different || this.#positions > this.#bounds.all)
      this.#forgetOldest();
  }

  /**
   * Copies that are pending and older than another pending one, oldest first: without them each letter is still there
   * once. Forgets what is not pending any more.
   *
   * @param isCrowded whether the letters of a device are to make room
   */
  superfluous(
    isPending: (position: RecordPosition) => boolean,
    isCrowded: (deviceId: string) => boolean,
  ): Duplicate[] {
    const older: Duplicate[] = [];
    for (const [digest, copies] of this.#copies) {
      if (!isCrowded(copies.deviceId)) continue;
      const pending = copies.positions.filter(isPending);
      this.#positions -= copies.positions.length - pending.length;
      copies.positions = pending;
      const kept = pending.at(-1);
      if (kept === undefined) this.#copies.delete(digest);
      else for (const letter of pending.slice(0, -1)) older.push({ letter, kept });
    }
    return older.sort((a, b) => a.letter.offset - b.letter.offset);
  }

  #forgetOldest(): void {
    for (const [digest, { positions }] of this.#copies) {
      this.#copies.delete(digest);
      this.#positions -= positions.length;
      return;
    }
  }
}
