import { detailText } from '#processors/dead-letters/letter-summary.ts';
import { counted } from '#runtime/counted.ts';
import { shortened, terminalJson, terminalText } from '#runtime/terminal-text.ts';
import type { ReprocessResult } from './reprocess.ts';

export interface RunWords {
  readonly topic: string;
  readonly target: string;
  readonly dryRun: boolean;
}

/** For people. */
export function reprocessText(result: ReprocessResult, { topic, target, dryRun }: RunWords): string {
  const { tally, sinceMs, untilMs, resumedFrom, logBeginsAt, interrupted } = result;
  const n = (count: number): string => count.toLocaleString('en');
  const until = untilMs === undefined ? '' : ` until ${iso(untilMs)}`;
  const skipped = tally.skipped === 0 ? '' : `, ${n(tally.skipped)} skipped (other devices)`;
  const lines = [
    ...(dryRun ? ['Dry run, nothing was written.'] : []),
    ...(resumedFrom === undefined
      ? []
      : [`Went on with the run of ${iso(resumedFrom)}; what it did is counted, too.`]),
    `${counted(tally.read, 'reading')} of ${topic}, taken by the log since ${sinceMs === 0 ? 'its beginning' : iso(sinceMs)}${until}:`,
    `  ${n(tally.written)} ${dryRun ? 'would be written' : 'written'} to ${target}${skipped}, ${n(tally.refused)} refused.`,
  ];
  for (const [reason, { readings, example }] of Object.entries(tally.why)) {
    const { partition, offset, device, detail } = example;
    const why = shortened(terminalText(detailText(detail)), 200);
    lines.push(
      `  ${n(readings)} ${reason}, for instance of ${terminalText(device)}, record ${partition}-${offset}: ${why}`,
    );
  }
  if (logBeginsAt !== undefined) {
    lines.push(
      `The log begins at ${iso(logBeginsAt)}: what it held before that was removed by its retention.`,
    );
  }
  if (interrupted) lines.push('Interrupted: the same command goes on from here.');
  return `${lines.join('\n')}\n`;
}

/** For machines: one object. */
export function reprocessJson(result: ReprocessResult, { topic, target, dryRun }: RunWords): string {
  const { tally, sinceMs, untilMs, resumedFrom, logBeginsAt, interrupted } = result;
  return `${terminalJson({
    topic,
    target,
    dryRun,
    since: iso(sinceMs),
    until: untilMs === undefined ? null : iso(untilMs),
    ...tally,
    resumedFrom: resumedFrom === undefined ? null : iso(resumedFrom),
    logBeginsAt: logBeginsAt === undefined ? null : iso(logBeginsAt),
    interrupted,
  })}\n`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
