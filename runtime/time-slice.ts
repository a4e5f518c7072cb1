import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest time that a piece of work keeps the event loop: in the standalone process MQTT shares it. */
const SLICE_MS = 4;

/**
 * Lets long work rest, so that whatever else the process does goes on meanwhile. Ask after each small step:
 * `if (slice.isOver()) await slice.rest(signal)`.
 */
export class TimeSlice {
  #endsAt = performance.now() + SLICE_MS;

  isOver(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /**
   * Lets everything else have a turn, and begins the next slice.
   *
   * @throws the reason of `signal` when it fires.
   */
  async rest(signal?: AbortSignal): Promise<void> {
    await nextTurn();
    signal?.throwIfAborted();
    this.#endsAt = performance.now() + SLICE_MS;
  }
}
