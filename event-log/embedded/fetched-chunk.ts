import type { DeliveredBatch, SubscribeOptions } from '#event-log/event-log.ts';
import { ChunkCursor } from './chunk-cursor.ts';
import type { FetchResult } from './log-thread-calls.ts';

/** Which batches a subscriber wants, and who is told of them. */
type Wanted = Pick<SubscribeOptions, 'topic' | 'maxBatchRecords' | 'maxBatchBytes' | 'onFetched'>;

/** A chunk that was read, as its handler gets it: in batches, of which the one behind is made, and told, with each. */
export class FetchedChunk {
  readonly isEmpty: boolean;
  readonly bytes: number;
  /** Where reading goes on. */
  readonly nextOffset: number;
  readonly #cursor: ChunkCursor;
  readonly #wanted: Wanted;
  readonly #closing: AbortSignal;
  #ahead: DeliveredBatch | undefined;

  /**
   * @param fromOffset records before it are left out
   * @param file for the words about damage
   */
  constructor(chunk: FetchResult, fromOffset: number, file: string, wanted: Wanted, closing: AbortSignal) {
    const from = Math.max(fromOffset, chunk.oldestOffset);
    this.isEmpty = chunk.batches.length === 0;
    this.bytes = chunk.payload.length;
    this.nextOffset = Math.max(from, chunk.nextOffset);
    this.#cursor = new ChunkCursor(wanted.topic, chunk, from, file);
    this.#wanted = wanted;
    this.#closing = closing;
    this.#ahead = this.#make();
  }

  /** `undefined` at the end. */
  next(): DeliveredBatch | undefined {
    const next = this.#ahead;
    if (next !== undefined) this.#ahead = this.#make();
    return next;
  }

  #make(): DeliveredBatch | undefined {
    const { topic, maxBatchRecords, maxBatchBytes, onFetched } = this.#wanted;
    const records = this.#cursor.next(maxBatchRecords, maxBatchBytes);
    if (records.length === 0) return undefined;
    const batch = { topic, partition: 0, records };
    onFetched?.(batch, this.#closing);
    return batch;
  }
}
