import type { Job } from '#console/api/dead-letters.ts';
import { get, RequestFailure } from './ask-server.ts';
import { steadyEvents } from './steady-events.ts';

/**
 * Follows a job to its end, over cut connections.
 *
 * @param onProgress called with each state of it
 * @param onCut the connection was cut, and is tried again; the job goes on
 * @param signal ends it, and leaves the job as it is: then nothing comes of the promise any more
 * @throws RequestFailure when the server knows it no more
 */
export function followJob(
  id: string,
  onProgress: (job: Job) => void,
  onCut: () => void,
  signal: AbortSignal,
): Promise<Job> {
  const path = `/jobs/${encodeURIComponent(id)}`;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return;
    let isAsking = false;
    const over = (): void => {
      end();
      signal.removeEventListener('abort', over);
    };
    const result = (job: Job): void => {
      over();
      resolve(job);
    };
    const cut = (): void => {
      onCut();
      // One that waits for a login is enough.
      if (isAsking) return;
      isAsking = true;
      get<Job>(path, signal)
        .then(
          (job) => (job.state === 'running' ? onProgress(job) : result(job)),
          (error: unknown) => {
            if (!(error instanceof RequestFailure) || error.status !== 404) return;
            over();
            reject(new RequestFailure(404, 'lost', LOST));
          },
        )
        .finally(() => {
          isAsking = false;
        });
    };
    const end = steadyEvents(`${path}/events`, { progress: onProgress, result }, cut);
    signal.addEventListener('abort', over);
  });
}

const LOST =
  'The console knows nothing of it any more, as after a new start: what was done until then is kept. Do it once more for the rest.';
