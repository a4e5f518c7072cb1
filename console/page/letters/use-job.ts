import { useEffect, useRef, useState } from 'preact/hooks';
import type { Job, JobList, JobStarted } from '#console/api/dead-letters.ts';
import { interruptJob, post, RequestFailure } from '#console/page/asking/ask-server.ts';
import { followJob } from '#console/page/asking/follow-job.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';

interface JobState {
  readonly job: Job | undefined;
  readonly failure: RequestFailure | undefined;
  readonly isRunning: boolean;
  /** What is shown is old: it is asked for again. */
  readonly isCut: boolean;
  /** It was begun elsewhere: by somebody else, or before this page was loaded anew. */
  readonly isOthers: boolean;
}

export interface JobRun extends JobState {
  /** Ends with the job as it ended; `undefined` when it could not be started or followed. */
  readonly run: (path: string, body: unknown) => Promise<Job | undefined>;
  /** As {@link run}, of one that was begun elsewhere. */
  readonly join: (id: string) => Promise<Job | undefined>;
  /** Asks the job to end where it is. */
  readonly interrupt: () => void;
  readonly clear: () => void;
}

const NOTHING: JobState = {
  job: undefined,
  failure: undefined,
  isRunning: false,
  isCut: false,
  isOthers: false,
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
  const follow = async (start: () => Promise<string>, isOthers: boolean): Promise<Job | undefined> => {
    set({ ...NOTHING, isRunning: true, isOthers });
    try {
      const id = await start();
      const job = await followJob(
        id,
        (now) => set({ job: now, isCut: false }),
        () => set({ isCut: true }),
        gone.signal,
      );
      set({ ...NOTHING, job, isOthers });
      return job;
    } catch (error) {
      const failure =
        error instanceof RequestFailure ? error : new RequestFailure(0, 'failed', String(error));
      set({ ...NOTHING, failure, isOthers });
      return undefined;
    }
  };
  return {
    ...state,
    interrupt: () => {
      if (state.job !== undefined) interruptJob(state.job.id).catch(() => undefined);
    },
    clear: () => set(NOTHING),
    run: (path, body) =>
      follow(async () => {
        const { job } = await post<JobStarted>(path, body);
        begunHere.add(job);
        return job;
      }, false),
    join: (id) => follow(async () => id, true),
  };
}

/**
 * Changes that are made elsewhere are shown as one's own are, unless one of one's own is under way: a letter that a colleague
 * deals with is not to be dealt with once more.
 *
 * @param onEnd one of them ended: what is shown of the letters is old
 */
export function useChangesElsewhere(run: JobRun, onEnd: () => void): void {
  const { value } = useAnswer<JobList>('/jobs?limit=1', LOOK_EVERY_MS);
  const newest = value?.jobs[0];
  const seen = useRef<string | undefined>(undefined);
  const isFirst = useRef(true);
  useEffect(() => {
    if (value === undefined || run.isRunning) return;
    // What had ended when the page was opened is in what it shows.
    const isOld = isFirst.current && newest?.state !== 'running';
    isFirst.current = false;
    if (newest === undefined || newest.id === seen.current) return;
    seen.current = newest.id;
    if (isOld || begunHere.has(newest.id)) return;
    void run.join(newest.id).then(onEnd);
  }, [newest?.id, value === undefined, run.isRunning]);
}
