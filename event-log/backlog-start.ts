import type { PartitionProgress } from '#event-log/event-log.ts';

/**
 * Offset that the group reads next: where it came to, or the oldest record that is still there, when it never
 * committed, retention has overtaken it, or it stands beyond the end (of a topic that was made anew), where there is
 * nothing to read on from. What is gone is no backlog.
 */
export function backlogStart({
  oldestOffset,
  committedOffset,
  endOffset,
}: Pick<PartitionProgress, 'oldestOffset' | 'committedOffset' | 'endOffset'>): number {
  return committedOffset > endOffset ? oldestOffset : Math.max(committedOffset, oldestOffset);
}
