import type { EventLog } from '#event-log/event-log.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { holdFileLock } from '#runtime/file-lock.ts';
import type { SeenTimeState } from '#runtime/seen-time.ts';
import { rescuedCopies, takeRescued } from '#sqlite/rescued-file.ts';
import { damageOf, finishReplacing } from '#sqlite/set-aside.ts';
import { unusableFile } from '#sqlite/unusable-file.ts';
import { EmbeddedEventLog } from './embedded-event-log.ts';
import { logPaths, prepareFolder, prepareLogFile } from './log-file.ts';
import { mendLog } from './mend-log.ts';
import { createEmbeddedLogTelemetry, type EmbeddedLogTelemetry } from './telemetry.ts';

export interface EmbeddedEventLogOptions {
  /** Folder of the log file; created by the owner. */
  readonly dataDir: string;
  /** `owner`: the pipeline process, one per `dataDir`. `beside`: a command-line tool, while the owner runs or not. */
  readonly role: 'owner' | 'beside';
  /**
   * Bytes at which records are refused; the owner's is kept in the file, and holds for everybody. On disk, 16 MiB of
   * write-ahead log come on top; what that grows beyond them counts.
   */
  readonly maxBytes: number;
  /** Default 10 s. */
  readonly retentionPassMs?: number;
  /** Default 60 s. */
  readonly retentionDelayMs?: number;
  /** How long retention waits for a group that is not there any more. Default 7 days, as Kafka's `offsets.retention.minutes`. */
  readonly groupExpiryMs?: number;
  /** How soon records that another process appended are noticed. Default 200 ms. */
  readonly changePollMs?: number;
  /** A person found the wall clock right at this time of it (`CLOCK_CONFIRMED`). Milliseconds since the epoch. */
  readonly clockConfirmedMs?: number | undefined;
  /** The clock that nobody sets; default `performance.now()`. Milliseconds. */
  readonly monotonicMs?: () => number;
}

const DEFAULTS = {
  retentionPassMs: 10_000,
  retentionDelayMs: 60_000,
  groupExpiryMs: 7 * 24 * 60 * 60 * 1000,
  changePollMs: 200,
  clockConfirmedMs: undefined,
  monotonicMs: () => performance.now(),
};

/**
 * Opens (the owner: or creates) the event log in `dataDir`.
 * @throws PipelineError `configuration`: another process owns it, it cannot be written, is damaged, is not an event log
 *   or has another version; or, for `beside`, there is none
 * @throws PipelineError `event-log-unavailable`: the disk is full
 */
export async function openEmbeddedEventLog(options: EmbeddedEventLogOptions, deps: Deps): Promise<EventLog> {
  const { dataDir, role } = options;
  const paths = logPaths(dataDir);
  prepareFolder(dataDir, role === 'owner');
  const ownership = role === 'owner' ? becomeOwner(dataDir) : undefined;
  const telemetry = createEmbeddedLogTelemetry(deps);
  let seenTime: SeenTimeState;
  try {
    const owner = { maxBytes: options.maxBytes, nowMs: deps.now() };
    seenTime =
      role === 'owner' ? prepareOwnFile(dataDir, owner, telemetry) : prepareLogFile(dataDir, undefined);
  } catch (error) {
    ownership?.[Symbol.dispose]();
    throw error;
  }
  telemetry.opened('embedded', paths.file);
  return new EmbeddedEventLog({ ...DEFAULTS, ...options, paths, seenTime }, { ownership, telemetry }, deps);
}

/** One that was lost is taken from where it was rescued to, and a damaged one made anew first. */
function prepareOwnFile(
  dataDir: string,
  owner: { readonly maxBytes: number; readonly nowMs: number },
  telemetry: EmbeddedLogTelemetry,
): SeenTimeState {
  const { file } = logPaths(dataDir);
  const rescued = takeRescued(file);
  if (rescued !== undefined) telemetry.rescuedTaken(rescued);
  finishReplacing(file);
  const damage = damageOf(file, () => prepareLogFile(dataDir, owner));
  if (damage !== undefined) {
    try {
      telemetry.fileMended(mendLog(file, damage, owner.maxBytes));
    } catch (cause) {
      throw new PipelineError('configuration', `DATA_DIR: ${file} is damaged: ${damage}`, { cause });
    }
  }
  telemetry.rescuedLeft(rescuedCopies(file));
  return prepareLogFile(dataDir, owner);
}

function becomeOwner(dataDir: string): Disposable {
  let ownership: Disposable | undefined;
  try {
    ownership = holdFileLock(logPaths(dataDir).lock('owner'));
  } catch (cause) {
    throw unusableFile(dataDir, cause, 'event-log-unavailable', 'cannot be written');
  }
  if (ownership === undefined) {
    throw new PipelineError('configuration', `DATA_DIR: another pipeline process is running on ${dataDir}`);
  }
  return ownership;
}
