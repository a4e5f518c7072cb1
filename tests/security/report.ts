import type { DrillResult } from './drill.ts';

const percent = (share: number): string => `${Math.min(100, share * 100).toFixed(1)} %`;

/** docs/security-drill.md. */
export function securityReport(results: readonly DrillResult[], seconds: number): string {
  const rows = results.map(
    ({ what, shareDuring, during, memory, seenIn, lost, booksClose, alive }) =>
      `| ${what} | ${percent(shareDuring)} | ${during.p50Ms.toFixed(0)} · ${during.p99Ms.toFixed(0)} ms | ${[memory.before, memory.peak, memory.after].map((it) => it.toFixed(0)).join(' · ')} | ${seenIn === '' ? 'the process lives' : `\`${seenIn}\``} | ${alive && booksClose && lost === 0 ? 'yes' : '**no**'} |`,
  );
  return `# Attacks, and what the good devices notice

Written by \`npm run security-drill -- --write\`. Each attack goes against a pipeline of its own (the embedded default, one
process) beside 100 good devices that publish 4 readings a second each, for ${seconds} seconds, from another address. Pipeline,
good devices and attackers share one machine with two cores, so what the attackers cost is in the figures. What bounds what is
in [SECURITY.md](../SECURITY.md).

- *Share*: readings acknowledged of those that were due during the attack.
- *PUBACK*: median and 99th percentile of the good devices during the attack.
- *Memory*: resident, MiB: before, at most, and after the attack.
- *Held*: the process lives, the books close, and every reading of the good devices is acknowledged in the end.

| attack | share | PUBACK | memory | seen in | held |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}
