import type { MendedFile } from '#sqlite/mended-file.ts';
import type { CommitFailure, CommitRequest, CommitResult } from './log-thread-calls.ts';
import type { LogWriter } from './log-writer.ts';

/**
 * Commits, and says that records are durable only when they are in the file that stands at the path of the log ([P1]).
 *
 * What is found displaced only after the commit is refused although it was written: if the file comes back, those records
 * are in it twice. Offsets of consumers are committed in any case: what was acknowledged before goes on to the store.
 */
export function commitWhereItStands(log: MendedFile<LogWriter>, request: CommitRequest): CommitResult {
  return log.use((writer) => {
    const before = displacementOf(log);
    if (before !== undefined) return writer.refuseAll(request, before);
    const result = writer.commit(request);
    const after = displacementOf(log);
    if (after === undefined) return result;
    return { ...writer.refuseAll({ ...request, offsets: [] }, after), offsetsFailure: result.offsetsFailure };
  });
}

function displacementOf(log: MendedFile<LogWriter>): CommitFailure | undefined {
  const detail = log.displacement();
  return detail === undefined ? undefined : { cause: 'displaced', detail };
}
