import type { FastifyReply } from 'fastify';
import { ApiFailure } from './api-answers.ts';

const MAX_WAITING = 100;

/**
 * So many at a time of what costs much; the others wait, who came first goes first. Who has gone meanwhile gives up the turn, in the
 * middle of it, and the place among those who wait.
 */
export class Turns {
  /** Each gives one of them the turn; the first first. */
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /**
   * @param reply to who asks
   * @param work ends when its signal fires: nobody waits for it any more
   * @throws ApiFailure too many wait already; who asked has gone
   */
  async take<Answer>({ raw }: FastifyReply, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const gone = new AbortController();
    const leave = (): void =>
      gone.abort(new ApiFailure(503, 'unavailable', 'Nobody waits for this answer any more.'));
    // Its close was told before.
    if (raw.destroyed) leave();
    raw.once('close', leave);
    try {
      gone.signal.throwIfAborted();
      if (this.#free > 0) this.#free--;
      else await this.#turn(gone.signal);
      try {
        gone.signal.throwIfAborted();
        return await work(gone.signal);
      } finally {
        this.#handOn();
      }
    } finally {
      raw.off('close', leave);
    }
  }

  async #turn(gone: AbortSignal): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING)
      throw new ApiFailure(503, 'too-many', 'Too many questions like this wait already: ask again later.');
    const turn = Promise.withResolvers<void>();
    this.#waiting.add(turn.resolve);
    const giveUp = (): void => {
      // Else it was given the turn in this moment, and hands it on.
      if (this.#waiting.delete(turn.resolve)) turn.reject(gone.reason);
    };
    gone.addEventListener('abort', giveUp, { once: true });
    await turn.promise;
    gone.removeEventListener('abort', giveUp);
  }

  #handOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
