import type { AppendRecord } from '#contract/log-record.ts';
import type { AppendCaller, EventLogHealth } from '#event-log/event-log.ts';

/** What the gateway needs of the event log; `EventLog` has it, and the contract of its methods. */
export interface GatewayLog {
  /** @returns when the record is durable; rejects when it is not by `deadlineAt`, on the clock of `performance.now()` */
  append(record: AppendRecord, deadlineAt: number): Promise<unknown>;
  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void;
  health(): EventLogHealth;
}
