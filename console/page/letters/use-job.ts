import { useEffect, useRef, useState } from 'preact/hooks';
import type { Job, JobLine, JobList, JobStarted } from '#console/api/dead-letters.ts';
import { asFailure, interruptJob, post, type RequestFailure } from '#console/page/asking/ask-server.ts';
import { followJob } from '#console/page/asking/follow-job.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';

/** A job as it is shown. */
export interface ShownJob {
  readonly job: (JobLine & Partial<Job>) | undefined;
  readonly failure: RequestFailure | undefined;
  readonly isRunning: boolean;
  /** What is shown is old: it is asked for again. */
  readonly isCut: boolean;
  /** It was begun elsewhere: by somebody else, or before this page was loaded anew. */
  readonly isOthers: boolean;
  /** Asks the job to end where it is. */
  readonly interrupt: () => void;
  readonly clear: () => void;
}

type JobState = Pick<JobRun, 'job' | 'failure' | 'isRunning' | 'isCut'>;

/** One that was begun here. */
export interface JobRun extends ShownJob {
  readonly job: Job | undefined;
  /** Ends with the job as it ended; `undefined` when it could not be started or followed. */
  readonly run: (path: string, body: unknown) => Promise<Job | undefined>;
}

const NOTHING: JobState = {
  job: undefined,
  failure: undefined,
  isRunning: false,
  isCut: false,
};
/** What is begun elsewhere is seen after at most so long. */
const LOOK_EVERY_MS = 2_000;
/** Those that were begun by a click in this tab. */
const begunHere = new Set<string>();

/** One change at a time, followed while it goes on. */
export function useJob(): JobRun {
  const [state, setState] = useState(NOTHING);
  const [gone] = useState(() => new AbortController());
  useEffect(() => () => gone.abort(), []);
  const set = (to: Partial<JobState>): void => {
    if (!gone.signal.aborted) setState((before) => ({ ...before, ...to }));
  };
  return {
    ...state,
    isOthers: false,
    interrupt: () => interrupt(state.job),
    clear: () => set(NOTHING),
    async run(path, body) {
      set({ ...NOTHING, isRunning: true });
      try {
        const { job: id } = await post<JobStarted>(path, body);
        begunHere.add(id);
        const job = await followJob(
          id,
          (now) => set({ job: now, isCut: false }),
          () => set({ isCut: true }),
          gone.signal,
        );
        set({ ...NOTHING, job });
        return job;
      } catch (error) {
        const failure = asFailure(error);
        set({ ...NOTHING, failure });
        return undefined;
      }
    },
  };
}

/**
 * The newest change that was begun elsewhere: a letter that a colleague deals with is not to be dealt with once more. It is
 * asked for and not followed: a browser has six connections to a server, for all its tabs together.
 *
 * @param onEnd it ended: what is shown of the letters is old
 */
export function useChangesElsewhere(onEnd: () => void): ShownJob {
  const { value, failure } = useAnswer<JobList>('/jobs?limit=1', LOOK_EVERY_MS);
  const newest = value?.jobs[0];
  const [closed, setClosed] = useState<string>();
  // What had ended when the page was opened is in what it shows.
  const old = useRef<string | null>(null);
  if (value !== undefined)
    old.current ??= newest === undefined || newest.state === 'running' ? '' : newest.id;
  const isShown =
    newest !== undefined && !begunHere.has(newest.id) && ![closed, old.current].includes(newest.id);
  const job = isShown ? newest : undefined;
  const isRunning = job?.state === 'running';
  useEffect(() => {
    if (job !== undefined && !isRunning) onEnd();
  }, [job?.id, isRunning]);
  return {
    job,
    failure: undefined,
    isRunning,
    isCut: failure !== undefined,
    isOthers: true,
    interrupt: () => interrupt(job),
    clear: () => setClosed(job?.id),
  };
}

function interrupt(job: JobLine | undefined): void {
  if (job !== undefined) interruptJob(job.id).catch(() => undefined);
}
