import type { Job } from '#console/api/dead-letters.ts';
import { get, RequestFailure } from './ask-server.ts';
import { steadyEvents } from './steady-events.ts';

/**
 * Follows a job to its end, over cut connections.
 *
 * @param onProgress called with each state of it
 * @param onCut the connection was cut, and is tried again; the job goes on
 * @param signal ends it, and leaves the job as it is
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
      get<Job>(path, signal).then(
        (job) => (job.state === 'running' ? undefined : result(job)),
        (error: unknown) => {
          if (!(error instanceof RequestFailure) || error.status !== 404) return;
          over();
          reject(new RequestFailure(404, 'lost', LOST));
        },
      );
    };
    const end = steadyEvents(`${path}/events`, { progress: onProgress, result }, cut);
    signal.addEventListener('abort', over);
  });
}

const LOST =
  'The console was started anew meanwhile, and with it this ended: what was done until then is kept. Do it once more for the rest.';
