import { decodeLetterState, type LetterState, ownState } from '#contract/letter-state.ts';
import type { LogRecord, TopicNames } from '#contract/log-record.ts';
import type { EventLog, PartitionProgress } from '#event-log/event-log.ts';
import { letterDigest } from '#processors/dead-letters/letter-digest.ts';
import { NO_GROUP } from '#processors/dead-letters/letter-states.ts';
import { type Letter, letterOf, schemaOf } from '#processors/dead-letters/letters.ts';
import { TimeSlice } from '#runtime/time-slice.ts';

/** Letters that lists see, the newest: a kilobyte or so each. */
const CAPACITY = 20_000;
/** What is this old is shown as it is. Milliseconds. */
const FRESH_MS = 1_000;
/** Without a question in this time all is let go. Milliseconds. */
const IDLE_MS = 10 * 60 * 1000;
const NO_PAYLOAD = new Uint8Array();

/** A letter without its payload, and what was read from that. */
export interface IndexedLetter {
  readonly letter: Letter;
  readonly schema: string | undefined;
  readonly bytes: number;
  /** The same for letters that say the same. */
  readonly digest: string;
}

export interface IndexedLetters {
  /** The newest first. */
  readonly letters: readonly IndexedLetter[];
  /** There are older ones in the log. */
  readonly older: boolean;
}

/**
 * The newest letters, for many who look at them: read when somebody asks, and from then on only what is new, so that a question
 * costs what came since the last one. Letters are read before outcomes, the order in which they were written; an outcome whose
 * letter was not seen yet waits for it.
 *
 * *Empty* until the first question → *filled* → empty again, when nobody has asked for ten minutes, or when the log ends before
 * our place: it was created anew. It rests while it reads, for in `npm start` devices share the event loop with it.
 */
export class LetterIndex implements Disposable {
  readonly #eventLog: Pick<EventLog, 'read' | 'progress'>;
  readonly #topics: TopicNames;
  readonly #capacity: number;
  readonly #letters = new Map<string, IndexedLetter>();
  /** Of letters that were not seen yet, or are too old to be here; by partition, then offset. */
  readonly #early = new Map<string, LetterState | undefined>();
  readonly #positions = new Map<string, number>();
  /** By partition, the newest letter that is not here for want of room. */
  readonly #leftOut = new Map<number, number>();
  #older = false;
  #reading: Promise<void> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #sorted: readonly IndexedLetter[] | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(eventLog: Pick<EventLog, 'read' | 'progress'>, topics: TopicNames, capacity = CAPACITY) {
    this.#eventLog = eventLog;
    this.#topics = topics;
    this.#capacity = capacity;
  }

  /** @throws PipelineError `event-log-unavailable` */
  async look(): Promise<IndexedLetters> {
    this.#idle?.refresh();
    this.#idle ??= setTimeout(() => this.#forget(), IDLE_MS).unref();
    if (performance.now() - this.#readAt > FRESH_MS) {
      this.#reading ??= this.#readNews().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    this.#sorted ??= [...this.#letters.values()].sort(
      (a, b) => b.letter.time - a.letter.time || b.letter.offset - a.letter.offset,
    );
    return { letters: this.#sorted, older: this.#older };
  }

  /** Something was changed by ourselves: the next question sees it. */
  outdated(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
  }

  async #readNews(): Promise<void> {
    const { deadLetters, deadLetterState } = this.#topics;
    const letters = await this.#eventLog.progress(deadLetters, NO_GROUP);
    const states = await this.#eventLog.progress(deadLetterState, NO_GROUP);
    if (this.#createdAnew(deadLetters, letters) || this.#createdAnew(deadLetterState, states)) this.#forget();
    this.#sorted = undefined;
    for (const { partition, oldestOffset, endOffset } of letters) {
      const key = place(deadLetters, partition);
      if (this.#positions.has(key)) continue;
      const first = Math.max(oldestOffset, endOffset - this.#capacity);
      this.#leftOut.set(partition, first - 1);
      this.#positions.set(key, first);
    }
    await this.#read(deadLetters, letters, (record) => {
      const position = place(record.partition, record.offset);
      const state = this.#early.get(position);
      this.#early.delete(position);
      this.#letters.set(position, indexed(letterOf(record, state)));
      // Of each partition as many are read as may be here: those that are older than all of these go meanwhile.
      if (this.#letters.size >= 2 * this.#capacity) this.#forgetOldest();
    });
    const ends = new Map(letters.map(({ partition, endOffset }) => [partition, endOffset]));
    await this.#read(deadLetterState, states, (record) => {
      const entry = decodeLetterState(record);
      if (entry === undefined) return;
      const position = place(entry.letter.partition, entry.letter.offset);
      const known = this.#letters.get(position);
      if (known !== undefined) this.#letters.set(position, withState(known, entry.state));
      else if (entry.letter.offset >= (ends.get(entry.letter.partition) ?? 0))
        this.#early.set(position, entry.state);
    });
    this.#forgetRemoved(letters);
    this.#readAt = performance.now();
  }

  async #read(
    topic: string,
    partitions: readonly PartitionProgress[],
    take: (record: LogRecord) => void,
  ): Promise<void> {
    const from = new Map<number, number>();
    for (const { partition, oldestOffset, endOffset } of partitions) {
      const next = Math.max(this.#positions.get(place(topic, partition)) ?? 0, oldestOffset);
      if (next < endOffset) from.set(partition, next);
    }
    if (from.size > 0) {
      const slice = new TimeSlice();
      for await (const record of this.#eventLog.read(topic, { from })) {
        take(record);
        this.#positions.set(place(topic, record.partition), record.offset + 1);
        if (slice.isOver()) await slice.rest();
      }
    }
    // The last records may have been compacted away.
    for (const { partition, endOffset } of partitions) {
      const key = place(topic, partition);
      this.#positions.set(key, Math.max(this.#positions.get(key) ?? 0, endOffset));
    }
  }

  #createdAnew(topic: string, partitions: readonly PartitionProgress[]): boolean {
    return partitions.some(
      ({ partition, endOffset }) => (this.#positions.get(place(topic, partition)) ?? 0) > endOffset,
    );
  }

  #forgetRemoved(partitions: readonly PartitionProgress[]): void {
    const oldest = new Map(partitions.map(({ partition, oldestOffset }) => [partition, oldestOffset]));
    for (const [key, { letter }] of this.#letters)
      if (letter.offset < (oldest.get(letter.partition) ?? 0)) this.#letters.delete(key);
    this.#forgetOldest();
    this.#older = partitions.some(
      ({ partition, oldestOffset }) => (this.#leftOut.get(partition) ?? -1) >= oldestOffset,
    );
  }

  #forgetOldest(): void {
    const excess = this.#letters.size - this.#capacity;
    if (excess <= 0) return;
    const oldestFirst = [...this.#letters].sort(([, a], [, b]) => a.letter.time - b.letter.time);
    for (const [key, { letter }] of oldestFirst.slice(0, excess)) {
      this.#letters.delete(key);
      this.#leftOut.set(letter.partition, Math.max(letter.offset, this.#leftOut.get(letter.partition) ?? -1));
    }
  }

  #forget(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#letters.clear();
    this.#early.clear();
    this.#positions.clear();
    this.#leftOut.clear();
    this.#sorted = undefined;
    this.#older = false;
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}

function indexed(letter: Letter): IndexedLetter {
  return {
    letter: { ...letter, payload: NO_PAYLOAD },
    schema: schemaOf(letter.payload),
    bytes: letter.payload.length,
    digest: letterDigest(letter),
  };
}

function withState(known: IndexedLetter, told: LetterState | undefined): IndexedLetter {
  const { letter } = known;
  const state = ownState(told, letter.time);
  return { ...known, letter: { ...letter, state, attempt: Math.max(letter.attempt, state?.attempt ?? 0) } };
}

function place(...parts: readonly (string | number)[]): string {
  return parts.join(' ');
}
