import type { AppendRecord } from '#contract/log-record.ts';
import type { PendingAppend } from '#event-log/pending-append.ts';
import { keepRecords, RecordPacker } from './packed-records.ts';

/** A row of the file is not filled beyond this. Readers take whole rows. */
export const ROW_BYTES = 256 * 1024;
const ROW_RECORDS = 4_096;

/** Packed records and their callers, index by index. */
export interface PackedAppends {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly pending: readonly PendingAppend[];
}

/**
 * What waits to be appended to one topic, or to one key of a topic with a share, in the order of the calls. Records are
 * packed when they arrive; those that a failed attempt gives back go to the front again, so that nothing newer of their
 * topic overtakes them.
 */
export class AppendLane {
  readonly topic: string;
  /** See `AppendRecord.owed`: for all its records, or for none. */
  readonly owed: boolean;
  /** Attempts that failed since the last one that did not. */
  failures = 0;
  /** No attempt before this time, on the clock of `performance.now()`. */
  notBefore = 0;
  /** What the last attempt was refused for; `undefined` when it was not. */
  trouble: string | undefined;
  #packed: PackedAppends[] = [];
  #builder = new RecordPacker();
  #building: PendingAppend[] = [];

  constructor(topic: string, owed: boolean | undefined) {
    this.topic = topic;
    this.owed = owed === true;
  }

  get isEmpty(): boolean {
    return this.#building.length === 0 && this.#packed.length === 0;
  }

  add(record: AppendRecord, pending: PendingAppend): void {
    if (this.#builder.byteLength >= ROW_BYTES || this.#building.length >= ROW_RECORDS) this.#seal();
    this.#builder.add(record);
    this.#building.push(pending);
  }

  /** Takes the oldest out, at least one and further ones while they fit. */
  take(maxBytes: number): PackedAppends[] {
    if (this.#building.length > 0) this.#seal();
    let bytes = 0;
    let taken = 0;
    for (const { payload } of this.#packed) {
      bytes += payload.length;
      if (taken > 0 && bytes > maxBytes) break;
      taken++;
    }
    return this.#packed.splice(0, taken);
  }

  /** Takes back what was refused, in its order, without those whose callers were told meanwhile that it is not durable. */
  putBack(refused: readonly PackedAppends[]): void {
    this.#packed.unshift(...refused.map(withoutSettled).filter(({ pending }) => pending.length > 0));
  }

  /** Removes those that are settled, to free their memory while nothing can be written. */
  forgetSettled(): void {
    if (this.#building.some((pending) => pending.settled)) this.#seal();
    this.#packed = this.#packed.map(withoutSettled).filter(({ pending }) => pending.length > 0);
  }

  *pending(): Generator<PendingAppend> {
    for (const { pending } of this.#packed) yield* pending;
    yield* this.#building;
  }

  #seal(): void {
    const payload = this.#builder.build();
    this.#packed.push({ payload, pending: this.#building });
    // What comes next is about as much; memory that nobody writes into costs nothing.
    this.#builder = new RecordPacker(Math.ceil(payload.length * 1.25));
    this.#building = [];
  }
}

function withoutSettled(appends: PackedAppends): PackedAppends {
  const { payload, pending } = appends;
  if (!pending.some(({ settled }) => settled)) return appends;
  return {
    payload: keepRecords(payload, (index) => pending[index]?.settled === false),
    pending: pending.filter(({ settled }) => !settled),
  };
}
