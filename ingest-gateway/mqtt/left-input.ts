/** Slices of input that are worked on in one turn of the event loop: about as much as all open connections get in it. */
const SLICES_A_TURN = 32;

/** Works on a slice of so many packets at most; called again while it says that there is more. Must not throw. */
type Step = (packets: number) => boolean;

/**
 * What connections left unread when they were gone, one after the other. Of one, or of some, it is worked on at once, before
 * their devices can be back; but thousands may close in one moment, and what each may still ask for is a whole burst: then
 * they wait, and every turn of the event loop takes some of it. A device that is back sooner is not to overtake itself: what
 * it left is finished before its next connection is let in (`finish`), and costs no more than its own bounds let it.
 *
 * Two states. *Idle*: nothing is left. *At work*: a turn is due that goes on where the last one stopped.
 */
export class LeftInput {
  readonly #packetsASlice: number;
  readonly #atNextTurn: (begin: () => void) => void;
  /** Of each owner, in the order of its connections. */
  readonly #steps = new Map<unknown, Step[]>();
  #slices = 0;

  constructor(packetsASlice: number, atNextTurn: (begin: () => void) => void = setImmediate) {
    this.#packetsASlice = packetsASlice;
    this.#atNextTurn = atNextTurn;
  }

  /** @param owner the device's id, or what stands for a connection that has none */
  add(owner: unknown, step: Step): void {
    const steps = this.#steps.get(owner);
    if (steps === undefined) this.#steps.set(owner, [step]);
    else steps.push(step);
    this.#work();
  }

  /** What is left of one, now: its next connection is about to be read. */
  finish(owner: unknown): void {
    const steps = this.#steps.get(owner) ?? [];
    this.#steps.delete(owner);
    for (const step of steps) while (step(this.#packetsASlice));
  }

  /** There will be no other turn. */
  finishAll(): void {
    for (const owner of this.#steps.keys()) this.finish(owner);
  }

  #work(): void {
    for (const [owner, steps] of this.#steps) {
      for (let step = steps[0]; step !== undefined; step = steps[0]) {
        if (this.#slices === SLICES_A_TURN) return;
        if (this.#slices++ === 0) this.#atNextTurn(this.#begin);
        if (!step(this.#packetsASlice)) steps.shift();
      }
      this.#steps.delete(owner);
    }
  }

  readonly #begin = (): void => {
    this.#slices = 0;
    this.#work();
  };
}
