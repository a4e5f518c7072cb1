/** What a fetch from an offset found: the records that a consumer would get, and where to go on. */
export interface Found {
  readonly records: readonly { readonly position: number; readonly timestamp: number }[];
  /** Offset behind everything that was looked at; undefined when nothing is left. */
  readonly after: number | undefined;
  /** Log timestamp of the last thing that was looked at, visible or not. */
  readonly upTo: number;
}

/** Fetches per look once the oldest record is known: what is further away counts by its offsets, until a later look. */
const FETCHES_AHEAD = 4;
/** Fetches per look through what nobody may see, until there is a record. */
const FETCHES_UNTIL_FIRST = 64;

/** What was seen is looked at anew after this time: compaction may have removed some of it. */
const FORGET_MS = 60_000;

interface Gap {
  readonly from: number;
  readonly to: number;
}

/**
 * How much of a partition a group could still read. Offsets alone do not tell: control records, aborted transactions and
 * what compaction removed have offsets, too, and are never delivered. So the backlog is looked at as a consumer would
 * see it: from where the group stands, a few fetches further with each look, and remembered as *gaps*. What was not
 * looked at yet counts by its offsets, so the number is exact for a backlog of some thousand records and never too
 * small for a larger one; its age is exact always, since it begins with the oldest record.
 *
 * One per group and partition. Decides what to look at next ({@link next}) and learns ({@link learn}).
 */
export class VisibleBacklog {
  /** Where the group stands. */
  #start = 0;
  /** Looked at from `#start` to here. */
  #seenTo = 0;
  #gaps: Gap[] = [];
  /** The oldest record of the backlog, as far as it was found. */
  #first: { readonly position: number; readonly timestamp: number } | undefined;
  #upTo = 0;
  #fetches = 0;
  #end = 0;
  #newAt = -Infinity;

  /** A new look, at `now` (any clock that goes on): the group stands at `start`, the partition ends at `end`. */
  begin(start: number, end: number, now: number): void {
    if (start < this.#start || start > this.#seenTo || now - this.#newAt >= FORGET_MS) {
      this.#newAt = now;
      this.#seenTo = start;
      this.#gaps = [];
      this.#first = undefined;
    }
    this.#start = start;
    this.#end = end;
    this.#fetches = 0;
    this.#gaps = this.#gaps.filter((gap) => gap.to > start);
    if (this.#first !== undefined && this.#first.position < start) this.#first = undefined;
  }

  /** Offset to fetch from; undefined when the answer is known well enough. */
  next(): number | undefined {
    if (this.#first === undefined) {
      const at = this.#afterGapAt(this.#start);
      return at < this.#end && this.#fetches < FETCHES_UNTIL_FIRST ? at : undefined;
    }
    return this.#seenTo < this.#end && this.#fetches < FETCHES_AHEAD ? this.#seenTo : undefined;
  }

  /** What a fetch found from `from` on. It may reach further than this look: what came since is for the next one. */
  learn(from: number, found: Found): void {
    this.#fetches++;
    this.#upTo = found.upTo;
    const [first] = found.records;
    if (first !== undefined && first.position < this.#end) this.#first ??= first;
    const after = Math.min(found.after ?? this.#end, this.#end);
    if (after <= this.#seenTo) return;
    let expected = Math.max(from, this.#seenTo);
    for (const { position } of found.records) {
      if (position < expected) continue;
      if (position >= after) break;
      this.#addGap(expected, position);
      expected = position + 1;
    }
    this.#addGap(expected, after);
    this.#seenTo = after;
  }

  /** Records that a consumer could still read. */
  get records(): number {
    const hidden = this.#gaps.reduce((sum, { from, to }) => {
      return sum + Math.max(0, Math.min(to, this.#end) - Math.max(from, this.#start));
    }, 0);
    return Math.max(0, this.#end - this.#start - hidden);
  }

  /** When the oldest of them was appended, rather too early than too late; null when there is none. */
  get since(): number | null {
    if (this.records === 0) return null;
    return this.#first?.timestamp ?? this.#upTo;
  }

  #addGap(from: number, to: number): void {
    if (from >= to) return;
    const last = this.#gaps.at(-1);
    if (last?.to === from) this.#gaps[this.#gaps.length - 1] = { from: last.from, to };
    else this.#gaps.push({ from, to });
  }

  #afterGapAt(offset: number): number {
    const gap = this.#gaps.find(({ from, to }) => from <= offset && offset < to);
    return gap?.to ?? offset;
  }
}
