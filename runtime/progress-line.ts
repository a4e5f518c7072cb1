import { SingleBar } from 'cli-progress';

/** Elsewhere than on a terminal, a line so often. Milliseconds. */
const LINE_MS = 5_000;
/** Work that is over by then needs no words about it. */
const QUIET_MS = 500;

export interface ProgressLine extends Disposable {
  /** @param words more values of the format */
  update(done: number, total: number, words?: Readonly<Record<string, string | number>>): void;
}

/**
 * How far long work is, on stderr: a line that is written over on a terminal, a line every five seconds elsewhere; nothing
 * where the work is over in half a second. Cheap to call often.
 *
 * @param format of `cli-progress`: `{value}`, `{total}`, `{bar}`, `{eta_formatted}`, and the words of the updates
 */
export function progressLine(stderr: NodeJS.WritableStream, format: string): ProgressLine {
  const bar = new SingleBar({
    stream: stderr,
    format,
    noTTYOutput: true,
    notTTYSchedule: LINE_MS,
    clearOnComplete: true,
    hideCursor: false,
  });
  const startAt = performance.now() + QUIET_MS;
  let started = false;
  return {
    update(done, total, words = {}) {
      if (!started) {
        if (performance.now() < startAt) return;
        bar.start(total, done, words);
        started = true;
      }
      bar.setTotal(total);
      bar.update(done, words);
    },
    [Symbol.dispose]() {
      if (started) bar.stop();
      started = false;
    },
  };
}
