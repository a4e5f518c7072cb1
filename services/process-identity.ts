import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { kill, platform } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * One process, not just a number: process ids are recycled, the pair of id and start time is not. What is remembered
 * in a file and ended later is always named like this, so that a stranger who got an old id is never hit.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; comparable only on the machine and in the boot that it was taken in. */
  readonly startTime: string;
}

/** The identity of a living process, or undefined when there is none with this id (a zombie counts as gone). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTime = platform === 'linux' ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal if this very process still lives; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Resolves true as soon as the process is gone, false when it still lives after `timeoutMs`. */
export async function waitForEnd(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** TERM, then KILL after the grace. SIGCONT goes with it: a frozen process cannot act on TERM. */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  signalProcess(identity, 'SIGTERM');
  signalProcess(identity, 'SIGCONT');
  if (await waitForEnd(identity, graceMs)) return;
  signalProcess(identity, 'SIGKILL');
  if (!(await waitForEnd(identity, 10_000))) throw new Error(`process ${identity.pid} survived SIGKILL`);
}

/** proc(5): field 22 is the start time in clock ticks after boot; field 2, the name, may itself hold blanks and brackets. */
function startTimeFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fieldsAfterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fieldsAfterName[0] === 'Z' ? undefined : fieldsAfterName[19];
  } catch {
    return undefined;
  }
}

function startTimeFromPs(pid: number): string | undefined {
  try {
    const [state, ...started] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/);
    return state?.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}
