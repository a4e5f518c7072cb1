/** Wakes those who wait for the log to change, and never loses a change that came while they were looking. */
export class ChangeSignal {
  #version = 0;
  #next = Promise.withResolvers<void>();

  /** To be taken before looking. */
  get version(): number {
    return this.#version;
  }

  raise(): void {
    this.#version++;
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }

  /** Resolves when something changed after `version` was taken. */
  async changedSince(version: number): Promise<void> {
    if (version === this.#version) await this.#next.promise;
  }
}
