import { readFileSync } from 'node:fs';

/** Linux counts CPU time in ticks of this length (`USER_HZ`). */
const TICK_SECONDS = 0.01;

/** CPU time of a process and its threads since its start; read from Linux's /proc. */
export function cpuSeconds(pid: number): number {
  // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
