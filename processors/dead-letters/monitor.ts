import { decodeDeadLetter } from '#contract/dead-letter.ts';
import { decodeLetterState, isPending } from '#contract/letter-state.ts';
import type { LogRecord, TopicNames } from '#contract/log-record.ts';
import type { EventLog, PartitionProgress } from '#event-log/event-log.ts';
import type { Deps } from '#runtime/deps.ts';
import { pause } from '#runtime/retry.ts';
import { NO_GROUP } from './letter-states.ts';
import { PendingLedger } from './pending-ledger.ts';
import { createDeadLetterTelemetry, type DeadLetterTelemetry } from './telemetry.ts';

export interface DeadLetterMonitorOptions {
  readonly topics: TopicNames;
  /** How long the log keeps dead letters. */
  readonly retentionMs: number;
  /** From the end of one look to the beginning of the next. Default 15 s. */
  readonly intervalMs?: number;
}

export interface DeadLetterMonitorDeps extends Deps {
  readonly eventLog: EventLog;
}

const INTERVAL_MS = 15_000;

/**
 * Counts the pending dead letters, and how long the oldest of them will still be there, as metrics. Closing ends it.
 */
export function startDeadLetterMonitor(
  options: DeadLetterMonitorOptions,
  deps: DeadLetterMonitorDeps,
): AsyncDisposable {
  const monitor = new DeadLetterMonitor(options, deps);
  const stop = new AbortController();
  const running = (async () => {
    do await monitor.look(stop.signal);
    while (await pause(options.intervalMs ?? INTERVAL_MS, stop.signal));
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the monitor closes'));
      await running;
    },
  };
}

/**
 * One look reads what was appended to both topics since the last one, so that its cost is that of the news. Letters
 * are read before outcomes, the order in which they were written; an outcome whose letter was not seen yet is kept by
 * the ledger. A look that fails takes the numbers away (old ones would look like fresh ones) and the next one goes on
 * where it stopped: the ledger can be told everything twice. A log that ends before our place was created anew, and
 * everything is read again.
 */
export class DeadLetterMonitor {
  readonly #options: DeadLetterMonitorOptions;
  readonly #deps: DeadLetterMonitorDeps;
  readonly #telemetry: DeadLetterTelemetry;
  #ledger = new PendingLedger();
  /** By topic and partition: every record before this offset was taken in. */
  readonly #positions = new Map<string, Map<number, number>>();

  constructor(options: DeadLetterMonitorOptions, deps: DeadLetterMonitorDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#telemetry = createDeadLetterTelemetry(deps, options.retentionMs / 1000);
  }

  /** Never rejects. */
  async look(signal: AbortSignal): Promise<void> {
    const { eventLog, now } = this.#deps;
    const { topics, retentionMs } = this.#options;
    try {
      const letters = await eventLog.progress(topics.deadLetters, NO_GROUP);
      const states = await eventLog.progress(topics.deadLetterState, NO_GROUP);
      if (
        this.#createdAnew(topics.deadLetters, letters) ||
        this.#createdAnew(topics.deadLetterState, states)
      ) {
        this.#ledger = new PendingLedger();
        this.#positions.clear();
      }
      await this.#readNews(topics.deadLetters, letters, signal, (record) => {
        const reason = decodeDeadLetter(record)?.reason ?? 'undecodable-record';
        this.#ledger.letterSeen(record, reason, record.timestamp);
      });
      await this.#readNews(topics.deadLetterState, states, signal, (record) => {
        const entry = decodeLetterState(record);
        if (entry?.state !== undefined && !isPending(entry.state)) this.#ledger.letterSettled(entry.letter);
      });
      for (const { partition, oldestOffset } of letters) {
        for (const [reason, count] of this.#ledger.removeBefore(partition, oldestOffset)) {
          this.#telemetry.expiredPending(reason, count);
        }
      }
      const oldest = this.#ledger.oldestPending();
      const left = oldest === undefined ? undefined : Math.max(0, (oldest + retentionMs - now()) / 1000);
      this.#telemetry.looked(this.#ledger.pending, left);
    } catch (error) {
      if (!signal.aborted) this.#telemetry.lookFailed(error);
    }
  }

  #createdAnew(topic: string, partitions: readonly PartitionProgress[]): boolean {
    const positions = this.#positions.get(topic);
    return partitions.some(({ partition, endOffset }) => (positions?.get(partition) ?? 0) > endOffset);
  }

  async #readNews(
    topic: string,
    partitions: readonly PartitionProgress[],
    signal: AbortSignal,
    take: (record: LogRecord) => void,
  ): Promise<void> {
    const positions = this.#positions.get(topic) ?? new Map<number, number>();
    this.#positions.set(topic, positions);
    const from = new Map<number, number>();
    for (const { partition, oldestOffset, endOffset } of partitions) {
      const next = Math.max(positions.get(partition) ?? 0, oldestOffset);
      if (next < endOffset) from.set(partition, next);
    }
    if (from.size === 0) return;
    for await (const record of this.#deps.eventLog.read(topic, { from, signal })) {
      take(record);
      positions.set(record.partition, record.offset + 1);
    }
    // The last records may have been compacted away: without this they would be asked for again each time.
    for (const { partition, endOffset } of partitions) {
      positions.set(partition, Math.max(positions.get(partition) ?? 0, endOffset));
    }
  }
}
