import { closeSync, openSync } from 'node:fs';

/**
 * Whether the process belongs to a terminal that is there: `/dev/tty` is the terminal of whoever opens it (tty(4)). A
 * service manager, a container without `-t` and `setsid` give none; one that was closed is taken away from every process of
 * its session before any of them is told by SIGHUP. Redirected input and output say nothing about it.
 */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
