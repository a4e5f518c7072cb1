import { backlogStart } from '#event-log/backlog-start.ts';
import type { EventLog } from '#event-log/event-log.ts';

/** Where a group is to go on: a time of the log's clock (milliseconds since the epoch), or an end of the topic. */
export type MoveTo = number | 'beginning' | 'end';

/** Offsets of one partition: where the group goes on now, and where it would. */
export interface PartitionMove {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What moving a group means, from where it is. @throws PipelineError `event-log-unavailable` */
export async function planMove(
  topic: string,
  group: string,
  to: MoveTo,
  log: Pick<EventLog, 'progress' | 'offsetsAt'>,
): Promise<readonly PartitionMove[]> {
  const partitions = await log.progress(topic, group);
  const since = typeof to === 'number' ? await log.offsetsAt(topic, to) : undefined;
  return partitions
    .map((progress) => {
      const { partition, oldestOffset, endOffset } = progress;
      const wanted = to === 'beginning' ? oldestOffset : (since?.get(partition) ?? endOffset);
      return {
        partition,
        from: backlogStart(progress),
        to: Math.min(endOffset, Math.max(oldestOffset, wanted)),
      };
    })
    .sort((a, b) => a.partition - b.partition);
}
