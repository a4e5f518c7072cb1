import { backlogStart } from '#event-log/backlog-start.ts';
import type { PartitionProgress } from '#event-log/event-log.ts';

/**
 * Decides whether a consumer that says it is fine has silently stopped (tulios/kafkajs#659, #1072, #1599): one of its
 * partitions has had records all the time, its position did not move, and no handler was busy. Looked at every few
 * seconds, with what the brokers say about the group; the loop around it is in `subscription.ts`.
 *
 * Per partition: *moving* → *standing*, at the first look that finds it assigned, behind, and where it was at the look
 * before → *stalled*, when it stood for `stallMs`. Back to *moving* when the position moves, the backlog is worked off, the
 * partition goes to another member, or `reset` is called.
 */
export class StallWatch {
  readonly #stallMs: number;
  /** Partitions with a backlog that has not moved: where they stand, and since when. */
  readonly #standing = new Map<number, { readonly at: number; readonly since: number }>();

  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  /** Something moved, or a handler takes its time: nothing that was seen before counts. */
  reset(): void {
    this.#standing.clear();
  }

  /** @returns the assigned partitions that have stalled */
  look(now: number, assigned: ReadonlySet<number>, progress: readonly PartitionProgress[]): number[] {
    const stalled: number[] = [];
    for (const each of progress) {
      const { partition, backlog } = each;
      const at = backlogStart(each);
      if (!assigned.has(partition) || backlog === 0) {
        this.#standing.delete(partition);
        continue;
      }
      const standing = this.#standing.get(partition);
      if (standing?.at !== at) this.#standing.set(partition, { at, since: now });
      else if (now - standing.since >= this.#stallMs) stalled.push(partition);
    }
    return stalled;
  }
}
