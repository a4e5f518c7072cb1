import { decodeDeadLetter, letterId } from '#contract/dead-letter.ts';
import { decodeLetterState, isPending } from '#contract/letter-state.ts';
import type { LogRecord, RecordPosition, TopicNames } from '#contract/log-record.ts';
import type { EventLog, PartitionProgress, ShareProgress } from '#event-log/event-log.ts';
import type { Deps } from '#runtime/deps.ts';
import { pause } from '#runtime/retry.ts';
import { dismissDuplicates } from './dismiss-duplicates.ts';
import { LetterCopies } from './letter-copies.ts';
import { NO_GROUP } from './letter-states.ts';
import { PendingLedger } from './pending-ledger.ts';
import { createDeadLetterTelemetry, type DeadLetterTelemetry } from './telemetry.ts';

export interface DeadLetterMonitorOptions {
  readonly topics: TopicNames;
  /** How long the log keeps dead letters, unless it says otherwise itself. */
  readonly retentionMs: number;
  /**
   * From the end of one look to the beginning of the next, unless the numbers are asked for before. Default 15 s; at most 1 s
   * where letters have a share.
   */
  readonly intervalMs?: number;
}

export interface DeadLetterMonitorDeps extends Deps {
  readonly eventLog: EventLog;
}

const INTERVAL_MS = 15_000;
/** However often the numbers are asked for; where letters have a share, duplicates are gone before a device waits for their room for long. */
const SHORT_INTERVAL_MS = 1_000;
/** Of the retention: a letter that is gone before was not removed for its age. Clocks may differ by the rest. */
const EARLIEST_EXPIRY = 0.9;

/**
 * Counts the pending dead letters, and how long the oldest of them will still be there, as metrics; makes room where
 * copies of one letter fill their share. Closing ends it.
 *
 * Who asks for the number brings the next look forward: somebody who watches it, and has just changed letters, sees it follow.
 */
export function startDeadLetterMonitor(
  options: DeadLetterMonitorOptions,
  deps: DeadLetterMonitorDeps,
): AsyncDisposable {
  let asked = new AbortController();
  const monitor = new DeadLetterMonitor(options, deps, () => asked.abort());
  const stop = new AbortController();
  const running = (async () => {
    do {
      asked = new AbortController();
      await monitor.look(stop.signal);
      const { intervalMs = INTERVAL_MS } = options;
      const shortMs = Math.min(intervalMs, SHORT_INTERVAL_MS);
      await pause(shortMs, stop.signal);
      if (!monitor.hasShare) await pause(intervalMs - shortMs, asked.signal);
    } while (!stop.signal.aborted);
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the monitor closes'));
      asked.abort();
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
 *
 * While our clock is not believed nothing is said of what is left: retention does not go by that clock either.
 *
 * Where letters have a share of the log that is crowded, a look also settles the older ones of those that say the same:
 * a device that sends one bad message for ever would fill it, and be held up, with copies of a single letter. One of
 * each always stays pending. While somebody else changes letters this waits for a later look.
 */
export class DeadLetterMonitor {
  readonly #options: DeadLetterMonitorOptions;
  readonly #deps: DeadLetterMonitorDeps;
  readonly #telemetry: DeadLetterTelemetry;
  #ledger = new PendingLedger();
  #copies = new LetterCopies();
  /** Settled letters that were taken back, by id, until the ledger was told. */
  readonly #takenBack = new Map<string, RecordPosition>();
  #hasShare = false;
  /** By topic and partition: every record before this offset was taken in. */
  readonly #positions = new Map<string, Map<number, number>>();

  /** @param onAsked somebody asks how many are pending; is told what the last look found */
  constructor(options: DeadLetterMonitorOptions, deps: DeadLetterMonitorDeps, onAsked?: () => void) {
    this.#options = options;
    this.#deps = deps;
    this.#telemetry = createDeadLetterTelemetry(deps, options.retentionMs / 1000, onAsked);
  }

  /** Whether the letters may take a share of the log only, as far as the last look knows. */
  get hasShare(): boolean {
    return this.#hasShare;
  }

  /** Never rejects. */
  async look(signal: AbortSignal): Promise<void> {
    const { eventLog, now } = this.#deps;
    const { topics } = this.#options;
    try {
      const letters = await eventLog.progress(topics.deadLetters, NO_GROUP);
      const retentionMs = letters[0]?.retentionMs ?? this.#options.retentionMs;
      const share = letters[0]?.share;
      this.#hasShare = share !== undefined;
      const states = await eventLog.progress(topics.deadLetterState, NO_GROUP);
      if (
        this.#createdAnew(topics.deadLetters, letters) ||
        this.#createdAnew(topics.deadLetterState, states)
      ) {
        this.#ledger = new PendingLedger();
        this.#copies = new LetterCopies();
        this.#takenBack.clear();
        this.#positions.clear();
      }
      await this.#readNews(topics.deadLetters, letters, signal, (record) => {
        const letter = decodeDeadLetter(record);
        this.#ledger.letterSeen(record, letter?.reason ?? 'undecodable-record', record.timestamp);
        if (this.#hasShare && letter !== undefined) this.#copies.letterSeen(record, letter);
      });
      await this.#readOutcomes(states, signal);
      // In a share what was settled goes early, and its state with it, perhaps before it was read here.
      const believed = eventLog.health().clockTrouble === undefined ? now() : undefined;
      const expiredBefore = this.#hasShare
        ? (believed ?? -Infinity) - EARLIEST_EXPIRY * retentionMs
        : Infinity;
      for (const { partition, oldestOffset } of letters) {
        for (const [reason, count] of this.#ledger.removeBefore(partition, oldestOffset, expiredBefore)) {
          this.#telemetry.expiredPending(reason, count);
        }
      }
      const oldest = this.#ledger.oldestPending();
      const left =
        oldest === undefined || believed === undefined ? undefined : (oldest + retentionMs - believed) / 1000;
      this.#telemetry.looked(this.#ledger.pending, left && Math.max(0, left), retentionMs / 1000);
      if (share !== undefined) await this.#makeRoom(share, signal);
    } catch (error) {
      if (!signal.aborted) this.#telemetry.lookFailed(error);
    }
  }

  async #makeRoom(share: ShareProgress, signal: AbortSignal): Promise<void> {
    const { eventLog, now } = this.#deps;
    const { topics } = this.#options;
    const isCrowded = (deviceId: string) => share.isCrowded || share.crowdedKeys.has(deviceId);
    const superfluous = () =>
      this.#copies.superfluous((position) => this.#ledger.isPending(position), isCrowded);
    if (superfluous().length > 0) {
      const find = async () => {
        // Somebody may have dealt with the newest copies since.
        await this.#readOutcomes(await eventLog.progress(topics.deadLetterState, NO_GROUP), signal);
        return superfluous();
      };
      try {
        const onSettled = (letter: RecordPosition) => this.#ledger.letterSettled(letter);
        const dismissed = await dismissDuplicates({ find, onSettled }, signal, { eventLog, topics, now });
        if (dismissed > 0) this.#telemetry.duplicatesDismissed(dismissed, share.used);
      } catch (error) {
        if (!signal.aborted) this.#telemetry.makingRoomFailed(error);
      }
    }
  }

  async #readOutcomes(states: readonly PartitionProgress[], signal: AbortSignal): Promise<void> {
    const { deadLetters, deadLetterState } = this.#options.topics;
    await this.#readNews(deadLetterState, states, signal, (record) => {
      const entry = decodeLetterState(record);
      if (entry === undefined) return;
      const { letter, state } = entry;
      if (!isPending(state)) {
        this.#takenBack.delete(letterId(letter));
        this.#ledger.letterSettled(letter, state?.letterTime);
      } else if (!this.#ledger.isPending(letter)) this.#takenBack.set(letterId(letter), letter);
    });
    if (this.#takenBack.size === 0) return;
    // The states of letters that the log has removed are removed, too, and look alike: it is asked only now, which it kept.
    const kept = await this.#deps.eventLog.progress(deadLetters, NO_GROUP);
    const oldest = new Map(kept.map(({ partition, oldestOffset }) => [partition, oldestOffset]));
    for (const letter of this.#takenBack.values())
      if (letter.offset >= (oldest.get(letter.partition) ?? 0)) this.#ledger.letterReopened(letter);
    this.#takenBack.clear();
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
