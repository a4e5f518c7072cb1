import type { DeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import type { AppendCaller } from '#event-log/event-log.ts';
import type { PipelineError } from '#runtime/errors.ts';
import type { GatewayLog } from './gateway-log.ts';

/** Who waits for all of its records. */
export interface RecordOwner {
  recordSettled(): void;
  recordFailed(record: RecordInFlight, error: PipelineError): void;
}

/** One record on its way into the log, and what is to be counted when it is there. */
export abstract class RecordInFlight implements AppendCaller {
  /** In it; a dead letter counts as one. */
  readonly readings: number;
  #owner: RecordOwner | undefined;

  constructor(readings: number) {
    this.readings = readings;
  }

  /**
   * The letter to append instead, when the log refuses the record for good; without its payload, which the refusal gives
   * back: until then only the log holds it.
   */
  abstract letterWithoutPayload(): DeadLetter;

  protected abstract count(): void;

  /** Hands it to the log. */
  append(record: AppendRecord, log: GatewayLog, deadlineAt: number, owner: RecordOwner): void {
    this.#owner = owner;
    log.appendFor(record, deadlineAt, this);
  }

  durable(): void {
    this.count();
    this.#owner?.recordSettled();
  }

  failed(error: PipelineError): void {
    this.#owner?.recordFailed(this, error);
  }
}
