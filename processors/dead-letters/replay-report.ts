import { counted } from '#runtime/counted.ts';
import { shortened, terminalJson, terminalText } from '#runtime/terminal-text.ts';
import { detailText } from './letter-summary.ts';
import type { ReplaySummary } from './replay.ts';

/** How far a replay is; nobody knows how many letters are left. */
export function replayProgress({ dryRun, letters, passed, failedAgain, parked }: ReplaySummary): string {
  const done = `${dryRun ? 'judging' : 'replaying'} ${counted(letters, 'letter')}`;
  return `${done}: ${grouped(passed)} passed, ${grouped(failedAgain)} failed again, ${grouped(parked)} parked`;
}

export function replaySummaryJson({ why, ...counts }: ReplaySummary): string {
  return terminalJson({
    ...counts,
    why: Object.fromEntries([...why].map(([reason, { letters, example }]) => [reason, { letters, example }])),
  });
}

export function replaySummaryText(summary: ReplaySummary): string {
  const {
    letters,
    passed,
    failedAgain,
    parked,
    unreplayable,
    leftParked,
    dryRun,
    interrupted,
    why,
    whyNothing,
  } = summary;
  const lines = [
    dryRun
      ? `Dry run, nothing was changed. ${counted(letters, 'letter')}: ${grouped(passed)} would pass, ${grouped(failedAgain)} would fail again, ${grouped(parked)} would be parked.`
      : `${counted(letters, 'letter')}: ${grouped(passed)} passed, ${grouped(failedAgain)} failed again, ${grouped(parked)} parked.`,
  ];
  for (const [reason, { letters: count, example }] of [...why].sort(
    ([, a], [, b]) => b.letters - a.letters,
  )) {
    const detail = shortened(terminalText(detailText(example.detail)), 200);
    lines.push(`  ${grouped(count)} ${reason}, for instance ${example.id}: ${detail}`);
  }
  if (unreplayable > 0)
    lines.push(
      `${counted(unreplayable, 'letter')} cannot be replayed: see docs/dead-letters.md, and dismiss them.`,
    );
  if (leftParked > 0)
    lines.push(`${counted(leftParked, 'parked letter')} left alone; --reason replay-limit tries them again.`);
  if (whyNothing !== undefined) lines.push(whyNothing);
  if (interrupted) lines.push('Interrupted: what was done is kept, run it again for the rest.');
  return `${lines.join('\n')}\n`;
}

/** `12,345` */
function grouped(count: number): string {
  return count.toLocaleString('en');
}
