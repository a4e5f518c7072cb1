import type { DrillResult } from './drill.ts';

const percent = (share: number): string => `${Math.min(100, share * 100).toFixed(1)} %`;

/** The process lives, the books close, nothing good is lost, and a counter shows what happened. */
export function isHeld({ alive, booksClose, lost, seen }: DrillResult): boolean {
  return alive && booksClose && lost === 0 && seen > 0;
}

function row(result: DrillResult): string {
  const { what, shareDuring, during, logins, memory, seenIn, seen } = result;
  const cells = [
    what,
    percent(shareDuring) + (logins === undefined ? '' : `; ${logins.right} of ${logins.tried} logins`),
    `${during.p50Ms.toFixed(0)} · ${during.p99Ms.toFixed(0)} ms`,
    [memory.before, memory.peak, memory.after].map((mebibytes) => mebibytes.toFixed(0)).join(' · '),
    `\`${seenIn}\` +${seen}`,
    isHeld(result) ? 'yes' : '**no**',
  ];
  return `| ${cells.join(' | ')} |`;
}

/** docs/security-drill.md. */
export function securityReport(
  results: readonly DrillResult[],
  { seconds, after }: { readonly seconds: number; readonly after: number },
): string {
  return `# Attacks, and what the good devices notice

Written by \`npm run security-drill -- --write\`. Each attack goes against a pipeline of its own (the embedded default, one
process) beside 100 good devices that publish 4 readings a second each, for ${seconds} seconds, from other addresses. Pipeline,
good devices and attackers share one machine with two cores, so what the attackers cost is in the figures. What bounds what is
in [SECURITY.md](../SECURITY.md).

- *Share*: readings acknowledged of those that were due during the attack. Where passwords are guessed, good devices log in
  meanwhile, each for the first time, with passwords that somebody chose: so many of them were let in, at their first try,
  within 5 s.
- *PUBACK*: median and 99th percentile of the good devices during the attack.
- *Memory*: resident, MiB: before, at most, and ${after} s after the attack, when the good devices have gone, too. Memory is
  given back once there was little to do for ten seconds.
- *Seen in*: the series of \`/metrics\` that shows it, and by how much it rose.
- *Held*: the process lives, the books close, every reading of the good devices is acknowledged in the end, and the series rose.

| attack | share | PUBACK | memory | seen in | held |
|---|---|---|---|---|---|
${results.map(row).join('\n')}
`;
}
