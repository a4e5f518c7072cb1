import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { DeliveredBatch } from '#event-log/event-log.ts';
import { decodeBatch, type TagsOf, type TelemetryBatch } from './telemetry-batch.ts';

/** Decodes batches, those that come next while the store writes the one before. */
export class BatchDecoder {
  readonly #schemas: SchemaRegistry;
  readonly #now: () => number;
  readonly #tagsOf: TagsOf;
  readonly #ahead = new WeakMap<DeliveredBatch, Promise<TelemetryBatch>>();

  constructor(schemas: SchemaRegistry, now: () => number, tagsOf: TagsOf) {
    this.#schemas = schemas;
    this.#now = now;
    this.#tagsOf = tagsOf;
  }

  /** Begins with a batch that may come. */
  begin(batch: DeliveredBatch, lost: AbortSignal): void {
    const decoded = this.#decode(batch, lost);
    // Whoever handles the batch meets it; nobody does when it was lost.
    decoded.catch(() => undefined);
    this.#ahead.set(batch, decoded);
  }

  /** @throws the reason of `lost` when it fires */
  decode(batch: DeliveredBatch, lost: AbortSignal): Promise<TelemetryBatch> {
    const decoded = this.#ahead.get(batch) ?? this.#decode(batch, lost);
    // A batch that comes again is decoded again: what it fails by may be that.
    this.#ahead.delete(batch);
    return decoded;
  }

  #decode({ records }: DeliveredBatch, lost: AbortSignal): Promise<TelemetryBatch> {
    return decodeBatch(records, this.#schemas, this.#now(), lost, this.#tagsOf);
  }
}
