import Table from 'cli-table3';
import type { EventLog, GroupMember } from '#event-log/event-log.ts';
import { counted } from '#runtime/counted.ts';
import { terminalText } from '#runtime/terminal-text.ts';
import { lagAt, lookOf, type PartitionLag } from './lag.ts';
import type { LagTarget } from './telemetry.ts';

/** What `npm run lag-monitor -- --once` prints. */
export interface LagReport extends LagTarget {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Records of all partitions, and the greatest age of any. */
  readonly records: number;
  readonly seconds: number;
  readonly partitions: readonly PartitionLag[];
  /** Who consumes right now. */
  readonly members: readonly GroupMember[];
}

/** One look. @throws PipelineError `event-log-unavailable` */
export async function lookOnce(
  target: LagTarget,
  eventLog: Pick<EventLog, 'progress' | 'members'>,
  now: () => number,
): Promise<LagReport> {
  const at = now();
  const progress = await eventLog.progress(target.topic, target.group);
  const look = lookOf({ at, atMonotonic: 0 }, progress, undefined);
  const partitions = lagAt(0, look, undefined).sort((a, b) => a.partition - b.partition);
  return {
    ...target,
    at,
    records: partitions.reduce((sum, { records }) => sum + records, 0),
    seconds: partitions.reduce((longest, { seconds }) => Math.max(longest, seconds), 0),
    partitions,
    members: await eventLog.members(target.topic, target.group),
  };
}

/** For people. */
export function renderLagReport(report: LagReport): string {
  const table = new Table({
    head: ['partition', 'oldest', 'committed', 'end', 'lag', 'lag seconds'],
    style: { head: [], border: [] },
    colAligns: Array(6).fill('right'),
  });
  for (const { partition, oldestOffset, committedOffset, endOffset, records, seconds } of report.partitions) {
    const committed = committedOffset < 0 ? 'never' : committedOffset;
    table.push([partition, oldestOffset, committed, endOffset, records, seconds.toFixed(1)]);
  }
  const summary =
    report.records === 0
      ? 'nothing to do'
      : `${counted(report.records, 'record')} behind, the oldest for ${report.seconds.toFixed(1)} s`;
  return `${report.group} on ${report.topic}: ${summary}\n${table.toString()}\n${heldBackText(report)}${membersText(report)}`;
}

function heldBackText({ partitions }: LagReport): string {
  const held = partitions.filter(({ heldBack }) => heldBack !== undefined && heldBack.records > 0);
  if (held.length === 0) return '';
  const records = held.reduce((sum, { heldBack }) => sum + (heldBack?.records ?? 0), 0);
  const where = ranges(held.map(({ partition }) => partition));
  return (
    `Nobody may read ${counted(records, 'more record')} of partitions ${where} yet: a transaction there is not over\n` +
    '(docs/runbooks/RecordsHeldBack.md).\n'
  );
}

function membersText({ members, group }: LagReport): string {
  if (members.length === 0) return `Nobody consumes as ${group} right now.\n`;
  const lines = members.map(({ id, host, partitions }) =>
    terminalText(
      `  ${id} on ${host}: ${partitions.length === 0 ? 'no partition' : `partitions ${ranges(partitions)}`}`,
    ),
  );
  return `Members of ${group}:\n${lines.join('\n')}\n`;
}

/** `0-3, 7`. @param numbers rising */
function ranges(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(', ');
}
