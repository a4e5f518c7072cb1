import { Counter, Gauge, Histogram } from 'prom-client';
import type { LogRecord } from '#contract/log-record.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';

/** Why an attempt to append failed; the values of the label `cause`. */
export const APPEND_FAILURE_CAUSES = [
  /** The record's deadline came first: it is given up, and its message is not acknowledged. */
  'deadline',
  /** The log cannot be reached, or the connection broke. */
  'unreachable',
  /** No answer in time: the record may be in the log nevertheless. */
  'timeout',
  /** The partition has no leader right now. */
  'no-leader',
  /** Too few replicas are in sync for `acks=all`. */
  'not-enough-replicas',
  /** The topic does not exist. */
  'unknown-topic',
  /** The disk is full. */
  'storage-full',
  /** The log reached `EMBEDDED_MAX_BYTES`, and holds nothing that may be removed. */
  'size-limit',
  /** The dead letters (all of them, or those of one device) fill their share of the embedded log, and none is settled. */
  'share-limit',
  /** What the log file holds cannot be read, and so nothing can be added. */
  'damaged',
  /** The log file was deleted, moved or replaced while it is in use: what is written to it would end with the process. */
  'displaced',
  /** Another process holds the write lock of the file. */
  'busy',
  /** Not allowed to write: credentials, or the topic's access list. */
  'not-authorized',
  /** Larger than the log accepts. */
  'too-large',
  'other',
] as const;
export type AppendFailureCause = (typeof APPEND_FAILURE_CAUSES)[number];

/** A batch as the events below name it. */
export interface BatchIdentity {
  readonly topic: string;
  readonly partition: number;
  readonly group: string;
  readonly firstOffset: number;
  readonly records: number;
}

export type EventLogTelemetry = ReturnType<typeof createEventLogTelemetry>;

/** The events of the event log, both drivers: one function = one log line and/or one metric. */
export function createEventLogTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'event-log' });
  const registers = [deps.metrics];

  const up = new Gauge({
    name: 'event_log_up',
    help: 'Whether the event log can be written, as it was last seen: 1 yes, 0 no',
    registers,
  });
  const appendSeconds = new Histogram({
    name: 'event_log_append_seconds',
    help: 'Seconds from handing a batch of records to the log until it was durable, once per batch',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const appendFailures = new Counter({
    name: 'event_log_append_failures_total',
    help: 'Records that an attempt to append did not make durable, once per attempt; cause "deadline": given up, not acknowledged',
    labelNames: ['cause'],
    registers,
  });
  const damagedRecords = new Counter({
    name: 'event_log_damaged_records_total',
    help: 'Acknowledged records that the log could not read, counted when a consumer was past them',
    labelNames: ['topic'],
    registers,
  });
  const retentionSeconds = new Gauge({
    name: 'event_log_retention_seconds',
    help: 'Seconds that a topic keeps its records',
    labelNames: ['topic'],
    registers,
  });
  const oldestAgeSeconds = new Gauge({
    name: 'event_log_oldest_record_age_seconds',
    help: 'Age in seconds of the oldest record that a topic still holds, 0 when it is empty',
    labelNames: ['topic'],
    registers,
  });

  up.set(1);
  for (const cause of APPEND_FAILURE_CAUSES) appendFailures.inc({ cause }, 0);

  let available = true;
  const worthALine = createWorthALine();

  return {
    opened(driver: 'kafka' | 'embedded', where: string): void {
      log.info({ driver, where }, 'event log opened');
    },
    closed(): void {
      log.info('event log closed');
    },
    /** The log can be written (again). */
    becameAvailable(): void {
      up.set(1);
      if (!available) log.info('event log can be written again');
      available = true;
    },
    becameUnavailable(detail: string): void {
      up.set(0);
      if (available) log.error({ detail }, 'event log cannot be written');
      available = false;
    },
    appended(seconds: number): void {
      appendSeconds.observe(seconds);
    },
    appendFailed(cause: AppendFailureCause, topic: string, records: number, detail: string): void {
      appendFailures.inc({ cause }, records);
      if (worthALine(`append ${cause}`)) log.warn({ cause, topic, records, detail }, 'append failed');
    },
    topicCreated(topic: string, settings: Readonly<Record<string, unknown>>): void {
      log.info({ topic, ...settings }, 'topic created');
    },
    retentionKnown(topic: string, seconds: number): void {
      retentionSeconds.set({ topic }, seconds);
    },
    oldestRecordSeen(topic: string, ageSeconds: number): void {
      oldestAgeSeconds.set({ topic }, ageSeconds);
    },
    /** Records were handled and committed: tells those that are none, because the log cannot read what stands there. */
    damageSetAside(records: readonly LogRecord[]): void {
      for (const { topic, damage, damagedRecords: count = 1 } of records) {
        if (damage === undefined) continue;
        damagedRecords.inc({ topic }, count);
        if (worthALine(`damage ${topic}`)) log.error({ topic, records: count }, damage);
      }
    },
    /** The series of a topic that is read exist from the start. */
    consumerStarted(topic: string, group: string): void {
      damagedRecords.inc({ topic }, 0);
      log.info({ topic, group }, 'consumer started');
    },
    /** The handler rejected; the same records come again after `delayMs`. */
    batchRejected(batch: BatchIdentity, error: unknown, delayMs: number): void {
      if (!worthALine(`rejected ${batch.group} ${batch.topic} ${batch.partition}`)) return;
      log.warn(
        { ...batch, error: describeError(error), delayMs },
        'batch not handled, its records come again',
      );
    },
    /** The partition was lost or the subscription closes: what the handler did is not committed. */
    batchDiscarded(batch: BatchIdentity, why: string): void {
      log.info({ ...batch, why }, 'batch discarded uncommitted, its records come again');
    },
    commitFailed(batch: BatchIdentity, error: unknown): void {
      if (!worthALine(`commit ${batch.group} ${batch.topic} ${batch.partition}`)) return;
      log.warn({ ...batch, error: describeError(error) }, 'commit failed');
    },
    consumerStopped(topic: string, group: string, error: unknown): void {
      log.error({ topic, group, error: describeError(error) }, 'consumer stopped and cannot go on by itself');
    },
  };
}
