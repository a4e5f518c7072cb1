import { Gauge } from 'prom-client';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import type { PartitionLag } from './lag.ts';

/** A group and the topic it reads. */
export interface LagTarget {
  readonly topic: string;
  readonly group: string;
}

export type LagTelemetry = ReturnType<typeof createLagTelemetry>;

/**
 * The events of the lag monitor: one function = one log line and/or one metric.
 *
 * @param currentLags asked at every scrape, so that seconds grow between looks; what it leaves out has no series.
 */
export function createLagTelemetry(
  deps: Deps,
  currentLags: () => Iterable<readonly [LagTarget, readonly PartitionLag[]]>,
) {
  const log = deps.log.child({ part: 'lag-monitor' });
  const registers = [deps.metrics];

  const perGroup = (name: string, help: string, read: (lag: PartitionLag) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['consumergroup', 'topic', 'partition'],
      registers,
      collect() {
        this.reset();
        for (const [{ group: consumergroup, topic }, lags] of currentLags()) {
          for (const lag of lags) this.set({ consumergroup, topic, partition: lag.partition }, read(lag));
        }
      },
    });
  const perPartition = (name: string, help: string, read: (lag: PartitionLag) => number | undefined): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['topic', 'partition'],
      registers,
      collect() {
        this.reset();
        for (const [{ topic }, lags] of currentLags()) {
          for (const lag of lags) {
            const value = read(lag);
            if (value !== undefined) this.set({ topic, partition: lag.partition }, value);
          }
        }
      },
    });

  perGroup('kafka_consumergroup_lag', 'Records that the group has not committed yet', (lag) => lag.records);
  perGroup(
    'kafka_consumergroup_lag_seconds',
    'Age in seconds of the oldest record that the group has not committed, 0 without backlog',
    (lag) => lag.seconds,
  );
  perGroup(
    'kafka_consumergroup_current_offset',
    'Offset that the group reads next, -1 when it never committed',
    (lag) => lag.committedOffset,
  );
  perPartition(
    'kafka_topic_partition_current_offset',
    'Offset behind the last record of the partition that may be read',
    (lag) => lag.endOffset,
  );
  perPartition(
    'kafka_topic_partition_oldest_offset',
    'Offset of the oldest record that the partition still holds',
    (lag) => lag.oldestOffset,
  );
  perPartition(
    'event_log_held_back_records',
    'Durable records that nobody may read yet, because a transaction that is not over stands before them; no part of the lag (Kafka only)',
    (lag) => lag.heldBack?.records,
  );
  perPartition(
    'event_log_held_back_seconds',
    'Seconds for which the end of what may be read was seen to stand before held-back records, 0 when there are none (Kafka only)',
    (lag) => lag.heldBack?.seconds,
  );
  const lastSuccess = new Gauge({
    name: 'lag_monitor_last_success_timestamp_seconds',
    help: 'When the event log last answered about every group, seconds since the epoch; 0 = not yet',
    registers,
  });

  const failing = new Set<string>();
  return {
    looked({ topic, group }: LagTarget): void {
      if (failing.delete(`${topic} ${group}`)) log.info({ topic, group }, 'lag is known again');
    },
    lookFailed({ topic, group }: LagTarget, error: unknown): void {
      if (failing.has(`${topic} ${group}`)) return;
      failing.add(`${topic} ${group}`);
      log.warn({ topic, group, error: describeError(error) }, 'the log does not say how far the group is');
    },
    lookedAtAll(at: number): void {
      lastSuccess.set(at / 1000);
    },
  };
}
