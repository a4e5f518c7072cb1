import { hostname } from 'node:os';
import { GROUP_IN_USE, type GroupMember } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { holdFileLock } from '#runtime/file-lock.ts';

/** Whoever holds the lock of a group is its only member; the lock does not say which process that is. */
export function membersOf(lock: string): readonly GroupMember[] {
  // For a moment only: whoever wants to become a member meanwhile tries again.
  using free = holdFileLock(lock);
  return free === undefined
    ? [{ id: 'the pipeline of this DATA_DIR', host: hostname(), partitions: [0] }]
    : [];
}

/** @throws PipelineError `event-log-unavailable`, reason `group-in-use` */
export function becomeOnlyMember(lock: string, group: string): Disposable {
  const membership = holdFileLock(lock);
  if (membership !== undefined) return membership;
  throw new PipelineError(
    'event-log-unavailable',
    `the group ${group} has a member: stop the pipeline first`,
    {
      reason: GROUP_IN_USE,
    },
  );
}
