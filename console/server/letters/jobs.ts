import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { Job } from '#console/api/dead-letters.ts';
import { ApiFailure } from '#console/server/answers/api-answers.ts';
import { eventText, Viewers } from '#console/server/answers/viewers.ts';
import { describeError } from '#runtime/errors.ts';

/** Ended ones are remembered, so that a page that was away sees what became of its own. */
const REMEMBERED = 50;
/** Between two events of one job. Milliseconds. */
const EVENT_EVERY_MS = 500;

/** What a job says of itself while it runs, and at its end. */
export type JobTold = Pick<Job, 'done' | 'counts' | 'sentence'> &
  Partial<Pick<Job, 'why' | 'faults' | 'total'>>;

export interface JobWork {
  readonly kind: Job['kind'];
  readonly dryRun: boolean;
  /** @returns what it did in the end, and whether the signal ended it early */
  readonly run: (
    signal: AbortSignal,
    tell: (told: JobTold) => void,
  ) => Promise<JobTold & { readonly interrupted: boolean }>;
}

interface Entry {
  job: Job;
  readonly viewers: Viewers;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  readonly onEnd: (job: Job) => void;
  toldAt: number;
}

/**
 * What takes a while: it runs here, whoever looks on. One at a time, since what changes letters holds a lock on all of them.
 *
 * A job: *running* → *done*, *failed* or *interrupted* (`interrupt`, or the process stops: what was done is kept, and it can
 * be run again). Ended ones are remembered for a while, the oldest are forgotten.
 */
export class Jobs implements AsyncDisposable {
  readonly #jobs = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @param onEnd told how it ended, before those who look on
   * @returns its id
   * @throws ApiFailure another one runs
   */
  start({ kind, dryRun, run }: JobWork, onEnd: (job: Job) => void): string {
    if ([...this.#jobs.values()].some(({ job }) => job.state === 'running'))
      throw new ApiFailure(
        409,
        'locked',
        'Something else is being done with the dead letters: wait for its end.',
      );
    const id = randomUUID();
    const stop = new AbortController();
    const job: Job = {
      id,
      kind,
      dryRun,
      state: 'running',
      startedAt: this.#now(),
      done: 0,
      total: null,
      counts: {},
      sentence: '',
      why: [],
      faults: [],
      error: null,
    };
    const ended = Promise.resolve()
      .then(() => run(stop.signal, (told) => this.#tell(id, told)))
      .then(
        ({ interrupted, ...told }) => this.#end(id, { ...told, state: interrupted ? 'interrupted' : 'done' }),
        (error: unknown) => this.#end(id, { state: 'failed', error: describeError(error) }),
      );
    this.#jobs.set(id, { job, viewers: new Viewers(() => undefined), stop, ended, onEnd, toldAt: 0 });
    if (this.#jobs.size > REMEMBERED) this.#jobs.delete(this.#jobs.keys().next().value as string);
    return id;
  }

  /** @throws ApiFailure there is none of this name */
  get(id: string): Job {
    return this.#entry(id).job;
  }

  /** @throws as {@link get} */
  follow(id: string, reply: FastifyReply): void {
    const { job, viewers } = this.#entry(id);
    if (viewers.isFull) throw new ApiFailure(503, 'too-many', 'Too many pages follow this already.');
    viewers.add(reply, eventText(job.state === 'running' ? 'progress' : 'result', job));
    if (job.state !== 'running') reply.raw.end();
  }

  /** @throws as {@link get} */
  interrupt(id: string): Job {
    const { job, stop } = this.#entry(id);
    stop.abort(new Error('somebody interrupted it'));
    return job;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#jobs.values()) stop.abort(new Error('the console closes'));
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended));
  }

  #tell(id: string, told: JobTold): void {
    const entry = this.#jobs.get(id);
    if (entry === undefined) return;
    entry.job = { ...entry.job, ...told };
    const now = performance.now();
    if (now - entry.toldAt < EVENT_EVERY_MS) return;
    entry.toldAt = now;
    entry.viewers.send(eventText('progress', entry.job));
  }

  #end(id: string, changes: Partial<Job>): void {
    const entry = this.#jobs.get(id);
    if (entry === undefined) return;
    entry.job = { ...entry.job, ...changes };
    entry.onEnd(entry.job);
    entry.viewers.send(eventText('result', entry.job));
    entry.viewers[Symbol.dispose]();
  }

  #entry(id: string): Entry {
    const entry = this.#jobs.get(id);
    if (entry === undefined) throw new ApiFailure(404, 'not-found', 'There is no such job, or no longer.');
    return entry;
  }
}
