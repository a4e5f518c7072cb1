/** Connections from the line that are served in one turn: 8 ms of the smallest packets, 60 ms of messages. */
const IN_LINE_A_TURN = 32;
/** Packets of those that come with something new, all together; with 128 of them or fewer, each may have its whole slice. */
const NEW_PACKETS_A_TURN = 16_384;
/** Of one of them, however many there are: that it is served at all costs as much as some more. */
const LEAST_PACKETS = 8;

/**
 * Shares the turns of the event loop among the connections that have something to be read. Each may be within its rate and
 * thousands of them be more than can be done: then a turn would last for seconds, and whoever sends one message waits for it.
 *
 * - Who comes with something *new* is served at once: a device that says little waits for nobody. How many of them a turn will
 *   see is not known before; it is taken to be as many as the last one saw, or more when more came.
 * - Who was left with *more* than it was given waits in line, and is served with a whole slice when it is its place. With as
 *   few of them as one turn takes, that is the next turn.
 */
export class Turns {
  readonly #packetsEach: number;
  readonly #atNextTurn: (begin: () => void) => void;
  /** Each with its connection's turn. */
  readonly #line = new Set<() => void>();
  #isNextDue = false;
  #served = 0;
  #servedBefore = 0;

  /** @param packetsEach that one connection hands on at most */
  constructor(packetsEach: number, atNextTurn: (begin: () => void) => void = setImmediate) {
    this.#packetsEach = packetsEach;
    this.#atNextTurn = atNextTurn;
  }

  /** One more connection is served in this turn, out of the line. @returns how many packets it may hand on */
  packetsOfNew(): number {
    this.#beginNext();
    const served = Math.max(++this.#served, this.#servedBefore);
    return Math.max(LEAST_PACKETS, Math.min(this.#packetsEach, Math.floor(NEW_PACKETS_A_TURN / served)));
  }

  get packetsInLine(): number {
    return this.#packetsEach;
  }

  /** In line. @param serve called when it is its place */
  wait(serve: () => void): void {
    this.#line.add(serve);
    this.#beginNext();
  }

  #beginNext(): void {
    if (this.#isNextDue) return;
    this.#isNextDue = true;
    this.#atNextTurn(this.#begin);
  }

  readonly #begin = (): void => {
    this.#isNextDue = false;
    this.#servedBefore = this.#served;
    this.#served = 0;
    let places = Math.min(IN_LINE_A_TURN, this.#line.size);
    for (const serve of this.#line) {
      if (places-- === 0) break;
      this.#line.delete(serve);
      serve();
    }
    if (this.#line.size > 0) this.#beginNext();
  };
}
