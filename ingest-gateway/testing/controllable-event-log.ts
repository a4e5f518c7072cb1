import type { AppendRecord, RecordPosition } from '#contract/log-record.ts';
import type { AppendCaller, EventLogHealth } from '#event-log/event-log.ts';
import type { GatewayLog } from '#ingest-gateway/intake/gateway-log.ts';
import { PipelineError } from '#runtime/errors.ts';

interface Waiting {
  readonly record: AppendRecord;
  readonly settle: (error?: PipelineError) => void;
}

/**
 * For tests and profiles: an event log in memory, as the gateway sees it, which can be held, released and made to fail.
 */
export class ControllableEventLog implements GatewayLog {
  /** What became durable, in order; only its number when `keep` is off. */
  readonly records: AppendRecord[] = [];
  durable = 0;
  /** Held appends, oldest first. */
  readonly waiting: Waiting[] = [];
  keep = true;
  up = true;
  #held = false;
  #failing: PipelineError | undefined;

  /** Appends stay unresolved, or fail at their deadlines, until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    for (const { settle } of this.waiting.splice(0)) settle();
  }

  /** Makes one held append durable, or fails it: appends of several partitions settle in any order. */
  settle(index: number, error?: PipelineError): void {
    for (const { settle } of this.waiting.splice(index, 1)) settle(error);
  }

  /** Appends are refused from now on; `undefined` = no more. */
  fail(error: PipelineError | undefined): void {
    this.#failing = error;
  }

  health(): EventLogHealth {
    return { up: this.up, detail: this.up ? '' : 'made unavailable' };
  }

  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void {
    this.append(record, deadlineAt).then(
      ({ partition, offset }) => caller.durable(partition, offset),
      (error: PipelineError) => caller.failed(error),
    );
  }

  append(record: AppendRecord, deadlineAt: number): Promise<RecordPosition> {
    if (this.#failing !== undefined) return Promise.reject(this.#failing);
    if (!this.#held) return Promise.resolve(this.#store(record));
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        record,
        settle: (error) => {
          clearTimeout(timer);
          if (error === undefined) resolve(this.#store(record));
          else reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        reject(new PipelineError('not-durable', 'the deadline passed', { retryable: true }));
      }, deadlineAt - performance.now());
      this.waiting.push(waiting);
    });
  }

  #store(record: AppendRecord): RecordPosition {
    if (this.keep) this.records.push(record);
    return { partition: 0, offset: this.durable++ };
  }
}
