import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import type {
  DeliveredBatch,
  EventLog,
  PartitionProgress,
  SubscribeOptions,
  Subscription,
} from '#event-log/event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/**
 * One log, as the suite uses it. Handles are opened and closed by the suite; records must survive that.
 */
export interface EventLogUnderTest {
  /** Opens the log as the pipeline process does. At most one such handle is open at a time. */
  open(): Promise<EventLog>;
  /** Another handle on the same log, beside the one of `open`, as a command-line tool or a second process has it. */
  openBeside(): Promise<EventLog>;
  /** Makes every append fail or hang until the returned function is called. */
  blockAppends(): Promise<() => Promise<void>>;
  /** What a driver that knows who holds a lock tells of this machine. */
  readonly lockHolder?: string;
  dispose(): Promise<void>;
}

export interface EventLogSuiteOptions {
  /** Longest wait for a thing that must happen: joining a group takes Kafka seconds. Milliseconds. */
  readonly patienceMs: number;
  /** How long something that must not happen is watched for. Milliseconds. */
  readonly quietMs: number;
  /** How many random sequences are tried. */
  readonly sequences: number;
}

export const HOUR_MS = 3_600_000;

/** The log that the suite runs against, and what its tests do with it again and again. */
export class LogUnderTest implements EventLogSuiteOptions {
  readonly patienceMs: number;
  readonly quietMs: number;
  readonly sequences: number;
  subject!: EventLogUnderTest;
  /** As the pipeline process has it; another one after `reopen`. */
  log!: EventLog;

  constructor({ patienceMs, quietMs, sequences }: EventLogSuiteOptions) {
    this.patienceMs = patienceMs;
    this.quietMs = quietMs;
    this.sequences = sequences;
  }

  readonly waitUntil = (assertion: () => void | Promise<void>) =>
    eventually(assertion, { withinMs: this.patienceMs });

  readonly soon = () => performance.now() + this.patienceMs;

  readonly reopen = async () => {
    await this.log.close();
    this.log = await this.subject.open();
  };

  readonly createTopic = async (cleanup: 'delete' | 'compact' = 'delete'): Promise<string> => {
    const topic = unique('topic');
    await this.log.ensureTopics([{ name: topic, cleanup, retentionMs: HOUR_MS }]);
    return topic;
  };

  readonly appendAll = (records: readonly AppendRecord[]): Promise<RecordPosition[]> =>
    Promise.all(records.map((record) => this.log.append(record, this.soon())));

  /** Subscribes, and closes the subscription after the test. */
  readonly consume = async (
    topic: string,
    group: string,
    onBatch: SubscribeOptions['onBatch'],
    more: Partial<SubscribeOptions> = {},
  ): Promise<Subscription> => {
    const subscription = await this.log.subscribe({
      topic,
      group,
      onBatch,
      maxBatchRecords: 100,
      maxBatchBytes: 1024 * 1024,
      ...more,
    });
    onTestFinished(() => subscription.close());
    return subscription;
  };

  /** Subscribes with a handler that keeps all it gets. */
  readonly collect = async (topic: string, group: string, more: Partial<SubscribeOptions> = {}) => {
    const records: LogRecord[] = [];
    const batches: DeliveredBatch[] = [];
    const subscription = await this.consume(
      topic,
      group,
      async (batch) => {
        batches.push(batch);
        records.push(...batch.records);
      },
      more,
    );
    return { records, batches, subscription };
  };

  readonly committedRecords = async (topic: string, group: string): Promise<number> =>
    sum(
      (await this.log.progress(topic, group)).map(
        (p) => Math.max(p.committedOffset, p.oldestOffset) - p.oldestOffset,
      ),
    );

  readonly backlog = async (topic: string, group: string): Promise<number> =>
    sum((await this.log.progress(topic, group)).map(backlogOf));
}

export function record(
  topic: string,
  key: string,
  value: string,
  headers: Record<string, string> = {},
): AppendRecord {
  return { topic, key, value: Buffer.from(value), headers };
}

export function numbered(topic: string, key: string, count: number): AppendRecord[] {
  return range(count).map((i) => record(topic, key, String(i)));
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

export function unique(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

export function text(value: Uint8Array | null): string {
  return value === null ? '<null>' : Buffer.from(value).toString();
}

export function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

export function place(position: RecordPosition | undefined): string {
  return `${position?.partition}-${position?.offset}`;
}

export function valuesByPlace(records: readonly LogRecord[]): Map<string, string> {
  return new Map(records.map((r) => [place(r), text(r.value)]));
}

export function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  return Array.fromAsync(log.read(topic));
}

export function backlogOf(p: PartitionProgress): number {
  return p.backlog;
}

export function firstOccurrences<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Watches for what must not happen: there is no event to await. */
export function quiet(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
