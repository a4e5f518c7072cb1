const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** One timer for many deadlines: it fires at the earliest. Times are on the clock of `performance.now()`. */
export class DeadlineTimer {
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** Fires at `deadlineAt` at the latest; an earlier time stays. */
  watch(deadlineAt: number): void {
    if (deadlineAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = deadlineAt;
    const delayMs = Math.max(1, Math.ceil(deadlineAt - performance.now()));
    this.#timer = setTimeout(
      () => {
        this.#dueAt = Infinity;
        this.#onDue();
      },
      Math.min(MAX_TIMEOUT_MS, delayMs),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
  }
}
