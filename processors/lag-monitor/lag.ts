import { backlogStart } from '#event-log/backlog-start.ts';
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
  /** Offset behind the last record that may be read. */
  readonly endOffset: number;
  readonly oldestOffset: number;
  /** Only of a log that others write to in transactions. */
  readonly heldBack?: HeldBack;
}

/** Durable records that nobody may read yet, because a transaction that is not over stands before them. No part of the lag. */
export interface HeldBack {
  readonly records: number;
  /** For how long the end of what may be read was seen to stand where it is; 0 when nothing is held back. */
  readonly seconds: number;
}

/** One answer of the log about all partitions of a topic. */
export interface Look {
  /** When the log was asked, milliseconds since the epoch. */
  readonly at: number;
  /** The same on a clock that nobody sets, milliseconds. */
  readonly atMonotonic: number;
  readonly partitions: readonly PartitionProgress[];
  /** Partitions of which the same record is the oldest uncommitted one: since when that was seen, on that clock. */
  readonly standingSince: ReadonlyMap<number, number>;
  /** Partitions with records held back behind the same end: since when that was seen, on that clock. */
  readonly heldSince: ReadonlyMap<number, number>;
}

/** @param last the look before that was answered, however long ago */
export function lookOf(
  at: Pick<Look, 'at' | 'atMonotonic'>,
  partitions: readonly PartitionProgress[],
  last: Look | undefined,
): Look {
  const standingSince = new Map<number, number>();
  const heldSince = new Map<number, number>();
  for (const each of partitions) {
    const before = last?.partitions.find(({ partition }) => partition === each.partition);
    if (each.heldBack) {
      const since = before?.endOffset === each.endOffset ? last?.heldSince.get(each.partition) : undefined;
      heldSince.set(each.partition, since ?? at.atMonotonic);
    }
    if (each.backlog === 0) continue;
    const stands =
      before?.committedOffset === each.committedOffset && before.backlogSince === each.backlogSince;
    const since = stands ? last?.standingSince.get(each.partition) : undefined;
    standingSince.set(each.partition, since ?? at.atMonotonic);
  }
  return { ...at, partitions, standingSince, heldSince };
}

/**
 * The lag `passedMs` after the newest look, from it and the one before. Pure.
 *
 * In records it is what the newest look saw. In seconds it goes on between looks only where the group stands still:
 * its oldest uncommitted record did not change from one look to the next, so it ages second by second, however long
 * all consumers are dead. Where the group makes progress the record seen at the look is gone by now, and its age would
 * be a lag that nobody has; there the value is that of the look.
 *
 * The age of a record is the difference of two clocks, ours and the log's, and either may be wrong. So it is held against
 * what was seen: a record is at least as old as it was seen to stand there (else a stall would go unseen while our clock is
 * behind), and no older than the look before, where the log ended before it (else everything would look late, were ours ahead).
 */
export function lagAt(passedMs: number, look: Look, before: Look | undefined): PartitionLag[] {
  const known = new Map(before?.partitions.map((each) => [each.partition, each]));
  return look.partitions.map((each) => {
    const { partition, oldestOffset, endOffset, committedOffset, backlog, backlogSince, heldBack } = each;
    const then = known.get(partition);
    const ageMs = backlogSince === null ? 0 : ageAt(look, each, backlogSince, before, then?.endOffset);
    const heldMs = look.atMonotonic - (look.heldSince.get(partition) ?? look.atMonotonic);
    const standsStill = backlogSince !== null && then?.committedOffset === committedOffset;
    return {
      partition,
      records: backlog,
      seconds: (ageMs + (standsStill ? passedMs : 0)) / 1000,
      committedOffset,
      endOffset,
      oldestOffset,
      ...(heldBack !== undefined && {
        heldBack: { records: heldBack, seconds: heldBack === 0 ? 0 : (heldMs + passedMs) / 1000 },
      }),
    };
  });
}

function ageAt(
  look: Look,
  each: PartitionProgress,
  backlogSince: number,
  before: Look | undefined,
  endBefore: number | undefined,
): number {
  const stoodMs = look.atMonotonic - (look.standingSince.get(each.partition) ?? look.atMonotonic);
  const cameSince = before !== undefined && endBefore !== undefined && endBefore <= backlogStart(each);
  const mostMs = cameSince ? look.atMonotonic - before.atMonotonic : Infinity;
  return Math.min(Math.max(look.at - backlogSince, stoodMs), mostMs);
}
