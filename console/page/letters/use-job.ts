import { useEffect, useRef, useState } from 'preact/hooks';
import type { Job } from '#console/api/dead-letters.ts';
import { interruptJob, RequestFailure, runJob } from '#console/page/asking/ask-server.ts';

export interface JobRun {
  readonly job: Job | undefined;
  readonly failure: RequestFailure | undefined;
  readonly isRunning: boolean;
  /** Ends with the job as it ended; `undefined` when it could not be started or followed. */
  readonly run: (path: string, body: unknown) => Promise<Job | undefined>;
  /** Asks the job to end where it is. */
  readonly interrupt: () => void;
  readonly clear: () => void;
}

/** One change at a time, followed while it goes on. */
export function useJob(): JobRun {
  const [state, setState] = useState<Omit<JobRun, 'run' | 'interrupt' | 'clear'>>({
    job: undefined,
    failure: undefined,
    isRunning: false,
  });
  const isThere = useRef(true);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
    };
  }, []);
  const set = (to: typeof state): void => {
    if (isThere.current) setState(to);
  };
  return {
    ...state,
    interrupt: () => {
      if (state.job !== undefined) interruptJob(state.job.id).catch(() => undefined);
    },
    clear: () => set({ job: undefined, failure: undefined, isRunning: false }),
    async run(path, body) {
      set({ job: undefined, failure: undefined, isRunning: true });
      try {
        const result = await runJob(path, body, (job) =>
          set({ job, failure: undefined, isRunning: job.state === 'running' }),
        );
        set({ job: result, failure: undefined, isRunning: false });
        return result;
      } catch (error) {
        const failure =
          error instanceof RequestFailure ? error : new RequestFailure(0, 'failed', String(error));
        set({ job: undefined, failure, isRunning: false });
        return undefined;
      }
    },
  };
}
