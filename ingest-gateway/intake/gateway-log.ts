import type { AppendRecord } from '#contract/log-record.ts';
import type { EventLogHealth } from '#event-log/event-log.ts';

/** What the gateway needs of the event log; `EventLog` has it, and the contract of both methods. */
export interface GatewayLog {
  /** @returns when the record is durable; rejects when it is not by `deadlineAt`, on the clock of `performance.now()` */
  append(record: AppendRecord, deadlineAt: number): Promise<unknown>;
  health(): EventLogHealth;
}
