import type { LogRecord } from '#contract/log-record.ts';
import type { Reading } from '#contract/reading.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { pause } from '#runtime/retry.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import type { DeviceBook, Finding, Ledger } from './ledger.ts';
import { openRanges } from './open-ranges.ts';
import { canonicalReading, digestOf } from './reading-source.ts';
import { closeBooks, isOwed, type Verification } from './verification.ts';

export interface VerifyOptions {
  readonly deadLetterTopic: string;
  /** Any group: it is asked for the extent of the dead-letter topic only. */
  readonly consumerGroup: string;
  /** Give up when nothing more was found for so long. */
  readonly timeoutMs: number;
  /** After each look: readings that are acknowledged and not found yet, and what keeps us from looking, if anything. */
  readonly onLook?: (owed: number, trouble: string | undefined) => void;
  readonly signal?: AbortSignal;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Waits until every acknowledged reading of the ledger is in the store, as it was sent, or in the dead letters; or
 * until nothing more was found for `timeoutMs`. Each look asks for what is still open only: the store for the time
 * ranges and devices of open entries, the dead-letter topic from where the last look ended.
 *
 * @throws PipelineError of the log or the store when the last look failed: then nothing can be said.
 */
export async function verifyLedger(
  ledger: Ledger,
  options: VerifyOptions,
  pipeline: { readonly log: EventLog; readonly store: TelemetryStore },
): Promise<Verification> {
  const search = new Search(ledger, options, pipeline);
  let progressAt = performance.now();
  let everything = true;
  for (;;) {
    const startedAt = performance.now();
    let failure: PipelineError | undefined;
    const before = search.closed;
    try {
      await search.look(everything);
      everything = false;
    } catch (error) {
      if (!(error instanceof PipelineError && error.retryable)) throw error;
      failure = error;
    }
    const owed = countOwed(ledger);
    options.onLook?.(owed, failure?.message);
    const now = performance.now();
    if (search.closed > before) progressAt = now;
    if (failure === undefined && owed === 0) break;
    const outOfTime = now - progressAt > options.timeoutMs || options.signal?.aborted === true;
    if (outOfTime && failure !== undefined) throw failure;
    if (outOfTime) break;
    // As long as the look took: the search must not take more of the pipeline's time than half.
    const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, now - startedAt));
    await pause(pauseMs, options.signal);
  }
  // What was not acknowledged may have arrived since the first look.
  await search.look(true);
  return closeBooks(ledger, search.duplicates);
}

class Search {
  closed = 0;
  duplicates = 0;
  readonly #ledger: Ledger;
  readonly #options: VerifyOptions;
  readonly #log: EventLog;
  readonly #store: TelemetryStore;
  /** Next offset to read per partition of the dead-letter topic. */
  readonly #letters = new Map<number, number>();

  constructor(
    ledger: Ledger,
    options: VerifyOptions,
    { log, store }: { readonly log: EventLog; readonly store: TelemetryStore },
  ) {
    this.#ledger = ledger;
    this.#options = options;
    this.#log = log;
    this.#store = store;
  }

  /** @param everything also looks for readings that were not acknowledged. */
  async look(everything: boolean): Promise<void> {
    await this.#lookIntoStore(everything);
    await this.#lookIntoDeadLetters();
  }

  async #lookIntoStore(everything: boolean): Promise<void> {
    const isOpen = (book: DeviceBook, seq: number): boolean =>
      !book.isMalformed(seq) && (isOwed(book, seq) || (everything && !book.isSettled(seq)));
    for (const { fromMs, toMs, deviceIds } of openRanges(this.#ledger, isOpen)) {
      for await (const { deviceId, ...reading } of this.#store.scan({ fromMs, toMs, deviceIds })) {
        const book = this.#ledger.bookOf(deviceId);
        if (book !== undefined) this.#stored(book, reading);
      }
    }
  }

  #stored(book: DeviceBook, reading: Reading): void {
    const { seq, ts } = reading;
    if (seq === undefined || (book.isSettled(seq) && !book.isDeadLettered(seq))) return;
    this.#count(book.foundInStore(seq, ts, digestOf(canonicalReading(reading))));
  }

  async #lookIntoDeadLetters(): Promise<void> {
    const { deadLetterTopic, consumerGroup } = this.#options;
    const from = new Map<number, number>();
    for (const { partition, oldestOffset, endOffset } of await this.#log.progress(
      deadLetterTopic,
      consumerGroup,
    )) {
      const next = Math.max(oldestOffset, this.#letters.get(partition) ?? 0);
      if (next < endOffset) from.set(partition, next);
    }
    if (from.size === 0) return;
    for await (const record of this.#log.read(deadLetterTopic, { from })) {
      this.#letters.set(record.partition, record.offset + 1);
      this.#deadLettered(record);
    }
  }

  #deadLettered({ key, value }: LogRecord): void {
    const book = this.#ledger.bookOf(key?.toString('utf8') ?? '');
    if (book === undefined || value === null) return;
    for (const seq of lettersIn(book, value)) this.#count(book.foundInDeadLetters(seq));
  }

  #count(finding: Finding): void {
    if (finding === 'closed') this.closed++;
    if (finding === 'duplicate') this.duplicates++;
  }
}

function countOwed(ledger: Ledger): number {
  let owed = 0;
  for (const book of ledger.devices) {
    for (let seq = 0; seq < book.length; seq++) if (isOwed(book, seq)) owed++;
  }
  return owed;
}

/** The readings of a device that a letter stands for. */
function lettersIn(book: DeviceBook, value: Buffer): readonly number[] {
  const malformed = book.malformedWith(digestOf(value));
  if (malformed !== undefined) return [malformed];
  // Sound when it was sent, but refused later: by the store, or by a clock that moved on during an outage.
  return readingsIn(value).flatMap((reading) => {
    const { seq, ts } = reading;
    return seq !== undefined && book.sentSound(seq, ts, digestOf(canonicalReading(reading))) ? [seq] : [];
  });
}

/** What looks like readings in a dead letter, which may hold anything. */
function readingsIn(value: Buffer): readonly Reading[] {
  let content: unknown;
  try {
    content = JSON.parse(value.toString('utf8'));
  } catch {
    return [];
  }
  return (Array.isArray(content) ? content : [content]).filter(isReadingLike);
}

function isReadingLike(element: unknown): element is Reading {
  if (typeof element !== 'object' || element === null) return false;
  const { ts, values } = element as Partial<Reading>;
  return typeof ts === 'number' && typeof values === 'object' && values !== null;
}
