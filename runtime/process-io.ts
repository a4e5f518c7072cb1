import type { CommandIo } from '#runtime/command-line.ts';
import { hasTerminal } from '#runtime/controlling-terminal.ts';
// Each process may be a client of a server with TLS.
import '#runtime/peer-certificate.ts';

/** The parts of `process` that a `main.ts` hands on; its own object in tests. */
export type ProcessOwner = Pick<
  NodeJS.Process,
  'argv' | 'env' | 'stdin' | 'stdout' | 'stderr' | 'exit' | 'platform'
> & {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
};

export interface ProcessIo extends CommandIo {
  /** Ends the process now. */
  exit(code: number): void;
  /** Who can read its files again while it runs says so: SIGHUP asks it to from now on, unless it means the end. */
  onReload(listener: () => void): void;
}

/** Ctrl-C, and a supervisor: they ask for an end in order. SIGHUP does, too, when it means that the terminal was closed. */
const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/**
 * Signals that come this soon after the first one are the same wish: with Ctrl-C the terminal tells npm and the process
 * that npm started, and npm passes on what it was told; a terminal that closes hangs up after it.
 */
const SAME_WISH_MS = 1_000;
/**
 * How long after SIGHUP the terminal is looked for: when the leader of its session dies, the kernel signals first and
 * takes the terminal away then.
 */
const TERMINAL_GOES_MS = 100;

export interface Surroundings {
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly hasTerminal: () => boolean;
}

const SURROUNDINGS: Surroundings = { now: () => performance.now(), hasTerminal };

/**
 * What of `process` a command or a service may touch. `signal` fires with the first end signal; one that comes more than
 * a second later ends the process at once, with exit code 1.
 *
 * SIGHUP has two meanings: the terminal was closed, or an operator wants files to be read again. It is the end for whoever
 * was started from a terminal that is gone now, and for whoever has nothing to read again (`onReload`); else, from a service
 * manager, in a container, or by hand beside a terminal that is still there, it asks to reload. On Windows it always
 * means that the window was closed.
 *
 * Whoever never looks at `signal` has nothing to put in order, and is ended by the first signal like any other program.
 */
export function processIo(owner: ProcessOwner, surroundings: Surroundings = SURROUNDINGS): ProcessIo {
  const { argv, env, stdout, stderr } = owner;
  let ending: AbortSignal | undefined;
  let reload: (() => void) | undefined;
  let startedInTerminal = false;
  const onHangUp = (end: () => void): void => {
    if (reload === undefined || owner.platform === 'win32') end();
    else
      setTimeout(() => {
        if (startedInTerminal && !surroundings.hasTerminal()) end();
        else reload?.();
      }, TERMINAL_GOES_MS);
  };
  return {
    argv: argv.slice(2),
    env,
    get stdin() {
      return owner.stdin;
    },
    stdout,
    stderr,
    get signal() {
      ending ??= listenForEnd(owner, surroundings.now, onHangUp);
      return ending;
    },
    exit: (code) => owner.exit(code),
    onReload(listener) {
      startedInTerminal = surroundings.hasTerminal();
      reload = listener;
    },
  };
}

function listenForEnd(
  owner: ProcessOwner,
  now: () => number,
  onHangUp: (end: () => void) => void,
): AbortSignal {
  const ending = new AbortController();
  let firstAt: number | undefined;
  const end = (): void => {
    firstAt ??= now();
    if (now() - firstAt > SAME_WISH_MS) owner.exit(1);
    else ending.abort(new Error('interrupted'));
  };
  for (const signal of END_SIGNALS) owner.on(signal, end);
  owner.on('SIGHUP', () => onHangUp(end));
  return ending.signal;
}
