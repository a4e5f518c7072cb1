import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Behind a commit that says not all. */
export const WITH_CHANGES = ' with changes';

/** Where and of what figures are, in a line for the report. */
export function describeMachine(root: string): string {
  const [cpu] = os.cpus();
  const gib = Math.round(os.totalmem() / 1024 ** 3);
  return `${commitOf(root)}, Node ${process.versions.node}, ${os.cpus().length} × ${cpu?.model.trim()}, ${gib} GiB, Linux ${os.release()}`;
}

/** A machine that has something else to do tells it here. */
export function loadNow(): string {
  return readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ');
}

function commitOf(root: string): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    // The documents, into which results are written, are no part of what is measured.
    const isChanged = git('status', '--porcelain', '--', '.', ':!docs') !== '';
    return `commit ${git('rev-parse', '--short', 'HEAD')}${isChanged ? WITH_CHANGES : ''}`;
  } catch {
    return 'no commit';
  }
}
