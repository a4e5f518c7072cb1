import { SingleBar } from 'cli-progress';
import type { CommandIo } from '#runtime/command-line.ts';

/** Shows how far something is, until disposed. */
export interface ProgressDisplay extends Disposable {
  /** @param share done, 0–1; `undefined` = nobody knows how much is left. */
  show(text: string, share: number | undefined): void;
}

const PLAIN_EVERY_MS = 5_000;
/** What is over by then needs no bar. */
const QUIET_MS = 500;

/**
 * A bar on a terminal, from half a second on; a line every five seconds elsewhere, none when `quiet`. Cheap to call often.
 * Disposing it again does nothing.
 */
export function createProgressDisplay(stderr: CommandIo['stderr'], quiet: boolean): ProgressDisplay {
  if (stderr.isTTY === true) return terminalDisplay(stderr);
  let nextAt = performance.now() + PLAIN_EVERY_MS;
  return {
    show(text) {
      if (quiet || performance.now() < nextAt) return;
      nextAt = performance.now() + PLAIN_EVERY_MS;
      stderr.write(`${text}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
}

function terminalDisplay(stderr: CommandIo['stderr']): ProgressDisplay {
  const from = performance.now() + QUIET_MS;
  let started = false;
  let barred = true;
  const bar = new SingleBar({
    stream: stderr,
    clearOnComplete: true,
    hideCursor: true,
    // Ctrl-C belongs to the run, which ends in its own way.
    gracefulExit: false,
    format: (options, params, payload: { readonly text?: string }) => {
      const size = 24;
      const filled = Math.round(params.progress * size);
      const drawn = `${options.barCompleteString?.slice(0, filled) ?? ''}${options.barIncompleteString?.slice(0, size - filled) ?? ''}`;
      return barred
        ? `${drawn} ${Math.floor(params.progress * 100)} % · ${payload.text ?? ''}`
        : (payload.text ?? '');
    },
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  return {
    show(text, share) {
      if (performance.now() < from) return;
      barred = share !== undefined;
      if (started) bar.update(share ?? 0, { text });
      else bar.start(1, share ?? 0, { text });
      started = true;
    },
    [Symbol.dispose]() {
      if (started) bar.stop();
      started = false;
    },
  };
}
