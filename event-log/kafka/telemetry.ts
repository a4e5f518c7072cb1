import { Gauge } from 'prom-client';
import { createEventLogTelemetry } from '#event-log/telemetry.ts';
import { createClockTelemetry } from '#runtime/clock-telemetry.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';

/** A record that was refused is shown for so long. */
const REFUSAL_IS_NEWS_MS = 10 * 60_000;

export type KafkaTelemetry = ReturnType<typeof createKafkaTelemetry>;

/** The events of both drivers, and those that only Kafka has. */
export function createKafkaTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'kafka' });
  const worthALine = createWorthALine();
  const clockAheadSeconds = new Gauge({
    name: 'event_log_clock_ahead_seconds',
    help: "Seconds that the clock of a broker is ahead of this machine's (negative: behind), as the last append that it confirmed showed; none for ten minutes = no series (Kafka only)",
    labelNames: ['node'],
    registers: [deps.metrics],
  });
  let lastRefusal: { readonly at: number; readonly told: string } | undefined;

  return {
    ...createEventLogTelemetry(deps),
    ...createClockTelemetry(deps, 'event-log'),
    brokerClockSeen(node: number, aheadMs: number): void {
      clockAheadSeconds.set({ node }, aheadMs / 1000);
    },
    brokerClockForgotten(node: number): void {
      clockAheadSeconds.remove({ node });
    },
    /** A line of kafkajs itself. */
    clientSaid(level: 'warn' | 'debug', message: string, fields: Readonly<Record<string, unknown>>): void {
      if (log.isLevelEnabled(level) && worthALine(`${level} ${message}`)) log[level](fields, message);
    },
    /** Keys are spread over the partitions that exist; order per device needs that count to stay. */
    partitionCountDiffers(topic: string, actual: number, configured: number): void {
      if (!worthALine(`partitions ${topic}`)) return;
      log.warn({ topic, actual, configured }, 'topic has another number of partitions, which is used');
    },
    /** Nobody can say then how near a backlog is to its end. */
    retentionUnknown(topic: string, error: unknown): void {
      if (!worthALine(`retention ${topic}`)) return;
      log.warn({ topic, error: describeError(error) }, 'the retention of a topic cannot be read');
    },
    /** The log will never take this record; it becomes a dead letter. */
    recordRefused(topic: string, bytes: number, detail: string): void {
      lastRefusal = {
        at: deps.now(),
        told: `topic ${topic} refused a record for good: ${detail}, its value has ${bytes} bytes`,
      };
      if (worthALine(`record refused ${topic}`))
        log.error({ topic, bytes, detail }, 'record refused for good');
    },
    /** For people: what was refused lately. */
    refusalTrouble(): string | undefined {
      if (lastRefusal === undefined) return undefined;
      const ago = Math.max(0, deps.now() - lastRefusal.at);
      return ago < REFUSAL_IS_NEWS_MS ? `${lastRefusal.told}, ${Math.round(ago / 1000)} s ago` : undefined;
    },
    /** The cluster could keep every record on two disks at least, and this topic does not ask for it. */
    onOneDisk(topic: string, replicas: number, minInSyncReplicas: number, brokers: number): void {
      if (!worthALine(`one disk ${topic}`)) return;
      log.warn(
        { topic, replicas, minInSyncReplicas, brokers },
        'an acknowledged record may be on one disk only: the topic has fewer replicas than the cluster allows',
      );
    },
    rebalanced(topic: string, group: string, partitions: readonly number[]): void {
      log.info({ topic, group, partitions }, 'consumer joined its group');
    },
    consumerRestarts(topic: string, group: string, error: unknown, delayMs: number): void {
      if (!worthALine(`restart ${topic} ${group}`)) return;
      log.warn({ topic, group, error: describeError(error), delayMs }, 'consumer failed, starting a new one');
    },
    /** Rights, credentials, policies: an operator has to put something right. */
    consumerRefused(topic: string, group: string, error: unknown, delayMs: number): void {
      if (!worthALine(`refused ${topic} ${group}`)) return;
      log.error(
        { topic, group, error: describeError(error), delayMs },
        'Kafka refuses the consumer until its configuration is put right',
      );
    },
    /** The others of the consumer go on; this one is looked at again and again. */
    partitionUnreadable(
      topic: string,
      group: string,
      partition: number,
      offset: number,
      error: unknown,
    ): void {
      if (!worthALine(`unreadable ${topic} ${partition}`)) return;
      log.error(
        { topic, group, partition, offset, error: describeError(error) },
        'the brokers cannot read a partition from this offset on',
      );
    },
    /** Assigned partitions have records, but nothing moves. */
    consumerStalled(topic: string, group: string, partitions: readonly number[]): void {
      log.error({ topic, group, partitions }, 'consumer stalled');
    },
    lockLost(name: string, error: unknown): void {
      log.error({ name, error: describeError(error) }, 'lock lost, another process may hold it');
    },
  };
}
