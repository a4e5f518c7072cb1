import { AssignerProtocol } from 'kafkajs';
import { GROUP_IN_USE, type GroupMember } from '#event-log/event-log.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { PipelineError } from '#runtime/errors.ts';
import { withPatience } from './patience.ts';

/** States of a group in which nobody consumes: it may be moved. */
const UNUSED: ReadonlySet<string> = new Set(['Empty', 'Dead']);
/** Commits of somebody who is no member, which a coordinator takes only while a group has none. */
const NO_GENERATION = -1;
const NO_MEMBER = '';

/** Who consumes `topic` as a member of `group`, as its coordinator sees it. @throws PipelineError `event-log-unavailable` */
export function membersOf(
  connections: BrokerConnections,
  topic: string,
  group: string,
): Promise<readonly GroupMember[]> {
  return withPatience(`members of ${group}`, async () => {
    const { members } = await describe(connections, group);
    return members.map(({ memberId, clientHost, memberAssignment }) => ({
      id: memberId,
      host: clientHost.replace(/^\//, ''),
      partitions: partitionsOf(memberAssignment, topic),
    }));
  });
}

/**
 * Commits offsets in the place of a group that has no members; the coordinator refuses it when one came meanwhile.
 * @throws PipelineError `event-log-unavailable`; with reason `group-in-use` nothing was committed
 */
export function setOffsets(
  connections: BrokerConnections,
  topic: string,
  group: string,
  offsets: ReadonlyMap<number, number>,
): Promise<void> {
  return withPatience(`offsets of ${group}`, async () => {
    const { state, members } = await describe(connections, group);
    if (!UNUSED.has(state)) throw inUse(group, members.length);
    const partitions = Array.from(offsets, ([partition, offset]) => ({ partition, offset: String(offset) }));
    const coordinator = await connections.coordinatorOf(group);
    await connections.ask(coordinator, 'query', (c) =>
      c.offsetCommit({
        groupId: group,
        groupGenerationId: NO_GENERATION,
        memberId: NO_MEMBER,
        topics: [{ topic, partitions }],
      }),
    );
  });
}

async function describe(connections: BrokerConnections, group: string) {
  const coordinator = await connections.coordinatorOf(group);
  const { groups } = await connections.ask(coordinator, 'query', (c) =>
    c.describeGroups({ groupIds: [group] }),
  );
  return groups[0] ?? { state: 'Dead', members: [] };
}

function partitionsOf(assignment: Buffer, topic: string): readonly number[] {
  // While its group is shared out anew a member has none yet.
  const decoded = assignment.length === 0 ? null : AssignerProtocol.MemberAssignment.decode(assignment);
  return [...(decoded?.assignment[topic] ?? [])].sort((a, b) => a - b);
}

function inUse(group: string, members: number): PipelineError {
  const who = members === 1 ? '1 member' : `${members} members`;
  return new PipelineError(
    'event-log-unavailable',
    `the group ${group} has ${who}: stop its processors first`,
    {
      reason: GROUP_IN_USE,
    },
  );
}
