import type { RandomStream } from './random-stream.ts';

/** Chance of an unreliable device to drop its connection after a message: about every fiftieth. */
const DROP_CHANCE = 0.02;
/** The drop comes at any moment within this time after the message, so that some of what is in flight was taken. */
const DROP_WITHIN_MS = 50;
const AWAY_AT_MOST_MS = 2_000;

export interface Drop {
  /** Until the connection is cut, milliseconds. */
  readonly inMs: number;
  /** From then on until the next attempt to connect, milliseconds. */
  readonly awayMs: number;
}

/** When an unreliable device drops its connection: decided by its random stream alone, so that a seed repeats it. */
export class DropPlan {
  readonly #random: RandomStream;
  #messagesLeft: number;

  constructor(random: RandomStream) {
    this.#random = random;
    this.#messagesLeft = random.trials(DROP_CHANCE);
  }

  /** To be told of each message; returns the drop that it is followed by, if any. */
  afterMessage(): Drop | undefined {
    if (--this.#messagesLeft > 0) return undefined;
    this.#messagesLeft = this.#random.trials(DROP_CHANCE);
    const awayMs = this.#random.between(0, AWAY_AT_MOST_MS);
    return { awayMs, inMs: this.#random.between(0, DROP_WITHIN_MS) };
  }
}
