import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { Job, JobLine } from '#console/api/dead-letters.ts';
import { ApiFailure } from '#console/server/answers/api-answers.ts';
import { eventText, Viewers } from '#console/server/answers/viewers.ts';
import { counted } from '#runtime/counted.ts';
import { describeError } from '#runtime/errors.ts';

/** Ended changes, and as many dry runs, are remembered, so that a page that was away sees what became of its own. */
const REMEMBERED = 50;
/** From one event of a job that runs to the next, whether anything came of it or not: silence is a cut connection. */
const EVENT_EVERY_MS = 1_000;
/** At once: each reads all letters. */
const MAX_DRY_RUNS = 4;

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
  readonly beat: NodeJS.Timeout;
}

/**
 * What takes a while: it runs here, whoever looks on. One change at a time, since what changes letters holds a lock on all of
 * them; dry runs hold none, and run beside it.
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
   * @param from the address that asks for it
   * @param onEnd told how it ended, before those who look on
   * @returns its id
   * @throws ApiFailure another one runs
   */
  start({ kind, dryRun, run }: JobWork, from: string, onEnd: (job: Job) => void): string {
    this.#expectRoom(dryRun);
    const id = randomUUID();
    const stop = new AbortController();
    const startedAt = this.#now();
    const job: Job = {
      id,
      kind,
      dryRun,
      state: 'running',
      from,
      startedAt,
      movedAt: startedAt,
      done: 0,
      total: null,
      counts: {},
      sentence: '',
      why: [],
      faults: [],
      error: null,
    };
    const ended = Promise.resolve()
      .then(() => run(stop.signal, (told) => this.#tell(entry, told)))
      .then(
        ({ interrupted, ...told }) =>
          this.#end(entry, { ...told, state: interrupted ? 'interrupted' : 'done' }),
        (error: unknown) => this.#end(entry, { state: 'failed', error: describeError(error) }),
      );
    const beat = setInterval(() => show('progress', entry), EVENT_EVERY_MS).unref();
    const entry: Entry = { job, viewers: new Viewers(() => undefined), stop, ended, onEnd, beat };
    this.#jobs.set(id, entry);
    return id;
  }

  /** Changes, the newest first. */
  changes(most: number): readonly JobLine[] {
    const changes = [...this.#jobs.values()].map(({ job }) => job).filter(({ dryRun }) => !dryRun);
    return changes
      .toReversed()
      .slice(0, most)
      .map(({ why, faults, ...line }) => line);
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

  #expectRoom(dryRun: boolean): void {
    const running = [...this.#jobs.values()].map(({ job }) => job).filter(({ state }) => state === 'running');
    const dryRuns = running.filter((job) => job.dryRun).length;
    if (dryRun && dryRuns >= MAX_DRY_RUNS)
      throw new ApiFailure(
        409,
        'locked',
        `${counted(dryRuns, 'dry run')} are under way: wait for one to end.`,
      );
    const change = running.find((job) => !job.dryRun);
    if (dryRun || change === undefined) return;
    const words = `${WORDS[change.kind]} of ${counted(change.done, 'letter')} so far, begun from ${change.from}`;
    throw new ApiFailure(409, 'locked', `${words}, is under way: wait for its end, or stop it.`);
  }

  #tell(entry: Entry, told: JobTold): void {
    entry.job = { ...entry.job, ...told, movedAt: this.#now() };
  }

  #end(entry: Entry, changes: Partial<Job>): void {
    clearInterval(entry.beat);
    entry.job = { ...entry.job, ...changes, movedAt: this.#now() };
    entry.onEnd(entry.job);
    show('result', entry);
    entry.viewers[Symbol.dispose]();
    this.#forgetOldest(entry.job.dryRun);
  }

  /** One that runs is never forgotten, nor a change because of many dry runs. */
  #forgetOldest(dryRun: boolean): void {
    const ended = [...this.#jobs.values()].filter(
      ({ job }) => job.dryRun === dryRun && job.state !== 'running',
    );
    for (const { job } of ended.slice(0, -REMEMBERED)) this.#jobs.delete(job.id);
  }

  #entry(id: string): Entry {
    const entry = this.#jobs.get(id);
    if (entry === undefined) throw new ApiFailure(404, 'not-found', 'There is no such job, or no longer.');
    return entry;
  }
}

function show(event: 'progress' | 'result', { job, viewers }: Entry): void {
  if (viewers.size > 0) viewers.send(eventText(event, job));
}

const WORDS = {
  replay: 'A replay',
  dismiss: 'A dismissal',
  undo: 'An undo',
  submit: 'A submission',
} as const;
