import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLogHealth } from '#event-log/event-log.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { KeptTime, type KeptTimeOptions } from '#runtime/kept-time.ts';
import { pause } from '#runtime/retry.ts';
import type { SeenTimeState } from '#runtime/seen-time.ts';
import type {
  GroupRequest,
  LogMeasurement,
  RemovalRequest,
  RemovalResult,
  ShareUse,
} from './log-thread-calls.ts';
import { CROWDED_SHARE } from './record-removal.ts';
import { shareUsed } from './share-limit.ts';
import type { EmbeddedLogTelemetry } from './telemetry.ts';

/**
 * From this share of the limit on that records take which may not be removed, the log says that it is filling up: as the
 * alert RetentionAtRisk (`backlog`) does, for those who have no Prometheus.
 */
const ALARM_SHARE = 0.7;

/** From this part of its share on, a topic (or one key in it) is told to fill up: as the alert DeadLettersFilling does. */
const SHARE_ALARM = 0.7;

export interface LogRetentionOptions extends KeptTimeOptions {
  readonly maxBytes: number;
  /** Between two looks. Milliseconds. */
  readonly retentionPassMs: number;
  /** Nothing is removed before this time after opening: groups must have had time to subscribe. Milliseconds. */
  readonly retentionDelayMs: number;
  /** A group that was not seen for so long is not waited for any more. Milliseconds. */
  readonly groupExpiryMs: number;
}

/**
 * The owner's housekeeping: looks every `retentionPassMs`, and at once when an append finds the file crowded; removes
 * what may go (`RecordRemoval` decides) in small steps with appends in between; measures what the metrics tell.
 *
 * What is old, time seen to pass decides (`KeptTime`); the wall clock has no say.
 *
 * Runs until `stop`. A pass that fails is tried again with the next one: nothing depends on its success.
 */
export class LogRetention {
  readonly #options: LogRetentionOptions;
  readonly #parts;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #wake = new AbortController();
  readonly #time: KeptTime;
  #crowdedPassFrom = 0;
  #shareTrouble: string | undefined;

  constructor(
    options: LogRetentionOptions,
    parts: {
      readonly removeOld: (request: RemovalRequest) => Promise<RemovalResult>;
      readonly measure: (request: Pick<RemovalRequest, 'groupsSince'>) => Promise<LogMeasurement>;
      readonly keepTime: (state: SeenTimeState) => Promise<void>;
      readonly activeGroups: () => readonly GroupRequest[];
      readonly telemetry: EmbeddedLogTelemetry;
    },
    deps: Pick<Deps, 'now'>,
  ) {
    this.#options = options;
    this.#parts = parts;
    this.#time = new KeptTime(options, parts, deps);
    this.#running = this.#run();
  }

  /** For people. */
  get troubles(): Pick<EventLogHealth, 'clockTrouble' | 'shareTrouble'> {
    return { clockTrouble: this.#time.trouble, shareTrouble: this.#shareTrouble };
  }

  /** Time seen to pass. */
  get seenMs(): number {
    return this.#time.nowMs;
  }

  /** An append left the file with this many bytes used. */
  onGrown(usedBytes: number): void {
    if (usedBytes <= this.#options.maxBytes * CROWDED_SHARE || performance.now() < this.#crowdedPassFrom)
      return;
    // At most one extra pass a second: when all that is left must stay, looking more often finds no more.
    this.#crowdedPassFrom = performance.now() + 1_000;
    this.#wake.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const removeFrom = performance.now() + this.#options.retentionDelayMs;
    while (!this.#stopping.signal.aborted) {
      try {
        const seenMs = await this.#time.look();
        if (performance.now() >= removeFrom) await this.#remove();
        await this.#measure(seenMs);
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#parts.telemetry.retentionFailed(describeError(error));
      }
      if (this.#stopping.signal.aborted) return;
      await pause(this.#options.retentionPassMs, this.#wake.signal);
      this.#wake = new AbortController();
    }
  }

  async #remove(): Promise<void> {
    const removed = new Map<string, { records: number; forSpace: boolean }>();
    let more = true;
    while (more && !this.#stopping.signal.aborted) {
      const seenMs = this.#time.nowMs;
      const result = await this.#parts.removeOld({
        seenMs,
        activeGroups: this.#parts.activeGroups(),
        groupsSince: this.#groupsSince(seenMs),
      });
      for (const { topic, removedRecords, forSpace } of result.topics) {
        const before = removed.get(topic);
        removed.set(topic, {
          records: removedRecords + (before?.records ?? 0),
          forSpace: forSpace || before?.forSpace === true,
        });
      }
      more = result.more;
      await nextTurn();
    }
    for (const [topic, { records, forSpace }] of removed) {
      this.#parts.telemetry.recordsRemoved(topic, records, forSpace);
    }
  }

  async #measure(seenMs: number): Promise<void> {
    const { telemetry } = this.#parts;
    const { usedBytes, walBytes, maxBytes, topics } = await this.#parts.measure({
      groupsSince: this.#groupsSince(seenMs),
    });
    for (const { topic, cleanup, retentionMs, oldestSeenMs } of topics) {
      if (cleanup === 'compact') continue;
      telemetry.retentionKnown(topic, retentionMs / 1000);
      telemetry.oldestRecordSeen(
        topic,
        oldestSeenMs === null ? 0 : Math.max(0, seenMs - oldestSeenMs) / 1000,
      );
    }
    this.#measureShares(topics);
    telemetry.sizeMeasured({ usedBytes, walBytes }, maxBytes);
    const heldBytes = usedBytes * heldShare(topics);
    telemetry.spaceMeasured({ usedBytes, heldBytes, maxBytes }, heldBytes > ALARM_SHARE * maxBytes, [
      ...new Set(
        topics.flatMap(({ heldRecords, slowestGroup }) =>
          heldRecords > 0 && slowestGroup !== null ? [slowestGroup] : [],
        ),
      ),
    ]);
  }

  #groupsSince(seenMs: number): number {
    return seenMs - this.#options.groupExpiryMs;
  }

  #measureShares(topics: LogMeasurement['topics']): void {
    const troubles: string[] = [];
    for (const { topic, share } of topics) {
      if (share === null) continue;
      const used = shareUsed(share);
      this.#parts.telemetry.shareMeasured(topic, share, used > SHARE_ALARM);
      if (used > SHARE_ALARM) troubles.push(describeShare(topic, share));
    }
    this.#shareTrouble = troubles.length === 0 ? undefined : troubles.join('; ');
  }
}

function describeShare(topic: string, share: ShareUse): string {
  const { bytes, maxBytes, fullestKey, fullestKeyBytes, maxKeyBytes } = share;
  return (
    `${topic} takes ${bytes} of its ${maxBytes} bytes, ` +
    `the fullest device (${fullestKey}) ${fullestKeyBytes} of ${maxKeyBytes}`
  );
}

/**
 * The share of the log that may not be removed to make room, estimated by the number of records: adding up their bytes
 * would read through the whole log. Where their sizes differ much it errs until the log is crowded; then what may go
 * has gone, and the share is 1.
 */
function heldShare(topics: LogMeasurement['topics']): number {
  const deletable = topics.filter(({ cleanup }) => cleanup === 'delete');
  const records = deletable.reduce((sum, topic) => sum + topic.records, 0);
  const held = deletable.reduce((sum, topic) => sum + topic.heldRecords, 0);
  return records === 0 ? 0 : held / records;
}
