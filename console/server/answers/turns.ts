import type { FastifyReply } from 'fastify';
import { ApiFailure } from './api-answers.ts';

const MAX_WAITING = 100;

/**
 * So many at a time of what costs much; the others wait, who came first goes first. Who has gone meanwhile gives up the turn, also in
 * the middle of it.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /**
   * @param reply to who asks
   * @param work ends when its signal fires: nobody waits for it any more
   * @throws ApiFailure too many wait already
   */
  async take<Answer>({ raw }: FastifyReply, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    if (this.#waiting.length >= MAX_WAITING)
      throw new ApiFailure(503, 'too-many', 'Too many questions like this wait already: ask again later.');
    const gone = new AbortController();
    const leave = (): void =>
      gone.abort(new ApiFailure(503, 'unavailable', 'Nobody waits for this answer any more.'));
    raw.once('close', leave);
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      gone.signal.throwIfAborted();
      return await work(gone.signal);
    } finally {
      raw.off('close', leave);
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
