import type { PartitionProgress } from '#event-log/event-log.ts';

/** How far a group is behind in one partition. */
export interface PartitionLag {
  readonly partition: number;
  /** Records that the group has not committed and could still read. */
  readonly records: number;
  /** Age of the oldest of them by the log's own timestamps; 0 when there is none. */
  readonly seconds: number;
  /** Offset that the group reads next; -1 = it never committed. */
  readonly committedOffset: number;
  /** Offset that the next record gets. */
  readonly endOffset: number;
  readonly oldestOffset: number;
}

/** One answer of the log about all partitions of a topic. */
export interface Look {
  /** When the log was asked, milliseconds since the epoch. */
  readonly at: number;
  readonly partitions: readonly PartitionProgress[];
}

/**
 * The lag at `now`, from the newest look and the one before it. Pure.
 *
 * In records it is what the newest look saw. In seconds it goes on between looks only where the group stands still:
 * its oldest uncommitted record did not change from one look to the next, so it ages second by second, however long
 * all consumers are dead. Where the group makes progress the record seen at the look is gone by now, and its age would
 * be a lag that nobody has; there the value is that of the look.
 */
export function lagAt(now: number, look: Look, before: Look | undefined): PartitionLag[] {
  const committedBefore = new Map(
    before?.partitions.map(({ partition, committedOffset }) => [partition, committedOffset]),
  );
  return look.partitions.map(
    ({ partition, oldestOffset, endOffset, committedOffset, backlog, backlogSince }) => {
      const standsStill = committedBefore.get(partition) === committedOffset;
      const asOf = standsStill ? Math.max(now, look.at) : look.at;
      return {
        partition,
        records: backlog,
        // The clocks of log and monitor may differ a little.
        seconds: backlogSince === null ? 0 : Math.max(0, asOf - backlogSince) / 1000,
        committedOffset,
        endOffset,
        oldestOffset,
      };
    },
  );
}
