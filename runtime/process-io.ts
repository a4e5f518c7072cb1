import type { CommandIo } from '#runtime/command-line.ts';

/** The parts of `process` that a `main.ts` hands on; its own object in tests. */
export type ProcessOwner = Pick<NodeJS.Process, 'argv' | 'env' | 'stdout' | 'stderr' | 'exit'> & {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
};

export interface ProcessIo extends CommandIo {
  /** Ends the process now. */
  exit(code: number): void;
}

/** Ctrl-C, a supervisor, and the terminal that is closed: all ask for an end in order. */
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/**
 * Signals that come this soon after the first one are the same wish: with Ctrl-C the terminal tells npm and the process
 * that npm started, and npm passes on what it was told; a terminal that closes hangs up after it.
 */
const SAME_WISH_MS = 1_000;

/**
 * What of `process` a command or a service may touch. `signal` fires with the first end signal; one that comes more than
 * a second later ends the process at once, with exit code 1.
 *
 * Whoever never looks at `signal` has nothing to put in order, and is ended by the first signal like any other program.
 *
 * @param now milliseconds of a clock that only goes forward
 */
export function processIo(owner: ProcessOwner, now: () => number = () => performance.now()): ProcessIo {
  const { argv, env, stdout, stderr } = owner;
  let ending: AbortSignal | undefined;
  return {
    argv: argv.slice(2),
    env,
    stdout,
    stderr,
    get signal() {
      ending ??= listenForEnd(owner, now);
      return ending;
    },
    exit: (code) => owner.exit(code),
  };
}

function listenForEnd(owner: ProcessOwner, now: () => number): AbortSignal {
  const ending = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (): void => {
    firstAt ??= now();
    if (now() - firstAt > SAME_WISH_MS) owner.exit(1);
    else ending.abort(new Error('interrupted'));
  };
  for (const signal of END_SIGNALS) owner.on(signal, onSignal);
  return ending.signal;
}
