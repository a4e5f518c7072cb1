/** Slices of input that are worked on in one turn of the event loop: about as much as all open connections get in it. */
const SLICES_A_TURN = 32;

/**
 * What connections left unread when they were gone, one after the other. Of one, or of some, it is worked on at once, before
 * their devices can be back; but thousands may close in one moment, and what each may still ask for is a whole burst: then
 * they wait, and every turn of the event loop takes some of it.
 *
 * Two states. *Idle*: nothing is left. *At work*: a turn is due that goes on where the last one stopped.
 */
export class LeftInput {
  readonly #atNextTurn: (begin: () => void) => void;
  readonly #steps = new Set<() => boolean>();
  #slices = 0;

  constructor(atNextTurn: (begin: () => void) => void = setImmediate) {
    this.#atNextTurn = atNextTurn;
  }

  /** @param step works on a slice; called again while it says that there is more. Must not throw. */
  add(step: () => boolean): void {
    this.#steps.add(step);
    this.#work();
  }

  /** All of it, now: there will be no other turn. */
  finish(): void {
    for (const step of this.#steps) while (step());
    this.#steps.clear();
  }

  #work(): void {
    for (const step of this.#steps) {
      let isMore = true;
      while (isMore) {
        if (this.#slices === SLICES_A_TURN) return;
        if (this.#slices++ === 0) this.#atNextTurn(this.#begin);
        isMore = step();
      }
      this.#steps.delete(step);
    }
  }

  readonly #begin = (): void => {
    this.#slices = 0;
    this.#work();
  };
}
