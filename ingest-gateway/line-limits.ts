import { forgetOldest } from '#runtime/forget-oldest.ts';

export interface LineLimitsOptions {
  /** Lines are counted in windows of so many milliseconds. */
  readonly windowMs: number;
  /** Lines of one subject in a window, … */
  readonly perSubject: number;
  /** … of one address, whatever it claims to be, … */
  readonly perAddress: number;
  /** … and in all. */
  readonly inAll: number;
  /** Subjects and addresses remembered, each. */
  readonly remembered: number;
}

const DEFAULTS: LineLimitsOptions = {
  windowMs: 10_000,
  perSubject: 1,
  perAddress: 10,
  inAll: 100,
  remembered: 10_000,
};

/** Lines of somebody in its window, and those left out since its last line. */
interface Window {
  startedAt: number;
  lines: number;
  leftOut: number;
}

/**
 * Which lines a log gets of what clients can cause at will, so that each of them is seen and none of them drowns the
 * others, nor fills a disk. One that fails over and over gets a line for each window. A client can call itself
 * anything, so an address gets a few lines only, whatever the subjects; and a botnet a bounded number in all.
 *
 * Nothing is lost unseen: what is left out is counted, and told by the next line of the same subject, of the same
 * address, or at all – whichever left it out.
 */
export class LineLimits {
  readonly #options: LineLimitsOptions;
  readonly #now: () => number;
  readonly #subjects = new Map<string, Window>();
  readonly #addresses = new Map<string, Window>();
  readonly #all: Window;

  /** @param now milliseconds on a clock that does not jump. */
  constructor(options: Partial<LineLimitsOptions> = {}, now: () => number = () => performance.now()) {
    this.#options = { ...DEFAULTS, ...options };
    this.#now = now;
    this.#all = { startedAt: now(), lines: 0, leftOut: 0 };
  }

  /**
   * Asks for a line, and counts it either way.
   *
   * @param subject what is told and of whom.
   * @returns how many were left out before it; `undefined` = leave this one out, too.
   */
  leftOutBefore(subject: string, address: string): number | undefined {
    const { perSubject, perAddress, inAll } = this.#options;
    const bySubject = this.#window(this.#subjects, `${subject} ${address}`);
    const byAddress = this.#window(this.#addresses, address);
    this.#renew(this.#all);
    const full =
      bySubject.lines >= perSubject
        ? bySubject
        : byAddress.lines >= perAddress
          ? byAddress
          : this.#all.lines >= inAll
            ? this.#all
            : undefined;
    if (full !== undefined) {
      full.leftOut++;
      return undefined;
    }
    let leftOut = 0;
    for (const window of [bySubject, byAddress, this.#all]) {
      window.lines++;
      leftOut += window.leftOut;
      window.leftOut = 0;
    }
    return leftOut;
  }

  #window(windows: Map<string, Window>, key: string): Window {
    let window = windows.get(key);
    if (window === undefined) window = { startedAt: this.#now(), lines: 0, leftOut: 0 };
    else this.#renew(window);
    // The newest last; the oldest makes room, and leaves to all what it has not told.
    windows.delete(key);
    windows.set(key, window);
    forgetOldest(windows, this.#options.remembered, ({ leftOut }) => {
      this.#all.leftOut += leftOut;
    });
    return window;
  }

  #renew(window: Window): void {
    if (this.#now() - window.startedAt < this.#options.windowMs) return;
    window.startedAt = this.#now();
    window.lines = 0;
  }
}
