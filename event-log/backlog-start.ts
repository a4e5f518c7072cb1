import type { PartitionProgress } from '#event-log/event-log.ts';

/**
 * Offset that the group reads next: where it came to, or the oldest record that is still there, when it never
 * committed or retention has overtaken it. What is gone is no backlog.
 */
export function backlogStart({
  oldestOffset,
  committedOffset,
}: Pick<PartitionProgress, 'oldestOffset' | 'committedOffset'>): number {
  return Math.max(committedOffset, oldestOffset);
}
