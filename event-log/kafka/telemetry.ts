import { createEventLogTelemetry } from '#event-log/telemetry.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';

export type KafkaTelemetry = ReturnType<typeof createKafkaTelemetry>;

/** At most one line in this time for each different thing the client library says. Milliseconds. */
const REPEATED_LINE_MS = 10_000;
/** Different messages remembered for that; more are not told apart in time. */
const REMEMBERED_LINES = 200;

/** The events of both drivers, and those that only Kafka has. */
export function createKafkaTelemetry(deps: Deps) {
  const log = deps.log.child({ part: 'kafka' });
  const lastLineAt = new Map<string, number>();
  const worthALine = (event: string): boolean => {
    const now = performance.now();
    if (now - (lastLineAt.get(event) ?? -Infinity) < REPEATED_LINE_MS) return false;
    if (lastLineAt.size >= REMEMBERED_LINES) lastLineAt.clear();
    lastLineAt.set(event, now);
    return true;
  };

  return {
    ...createEventLogTelemetry(deps),
    /** A line of kafkajs itself. */
    clientSaid(level: 'warn' | 'debug', message: string, fields: Readonly<Record<string, unknown>>): void {
      if (log.isLevelEnabled(level) && worthALine(`${level} ${message}`)) log[level](fields, message);
    },
    /** Keys are spread over the partitions that exist; order per device needs that count to stay. */
    partitionCountDiffers(topic: string, actual: number, configured: number): void {
      if (!worthALine(`partitions ${topic}`)) return;
      log.warn({ topic, actual, configured }, 'topic has another number of partitions, which is used');
    },
    rebalanced(topic: string, group: string, partitions: readonly number[]): void {
      log.info({ topic, group, partitions }, 'consumer joined its group');
    },
    consumerRestarts(topic: string, group: string, error: unknown, delayMs: number): void {
      if (!worthALine(`restart ${topic} ${group}`)) return;
      log.warn({ topic, group, error: describeError(error), delayMs }, 'consumer failed, starting a new one');
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
