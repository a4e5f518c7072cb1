import type { RecordPosition } from '#contract/log-record.ts';
import { deadLettersLock } from './dead-letters-lock.ts';
import { forEachInFlight } from './in-flight-window.ts';
import type { Duplicate } from './letter-copies.ts';
import { type DeadLettersDeps, keepState } from './letter-states.ts';

const IN_FLIGHT = 64;
/** At a time: the lock is held meanwhile, and commands wait for it. */
const AT_MOST = 256;

export interface DuplicatesOf {
  /** What there is to do, asked once nobody else can change letters; oldest first. */
  readonly find: () => Promise<readonly Duplicate[]>;
  /** Its state is durable. The log may remove both before anybody has read it. */
  readonly onSettled: (letter: RecordPosition) => void;
}

/**
 * Settles letters that a newer one like them makes superfluous, oldest first; the log then removes them to make room.
 * Does nothing while a replay or another command changes letters.
 *
 * @returns how many were settled
 * @throws PipelineError `not-durable`, `closed`; what was done until then is kept
 */
export async function dismissDuplicates(
  { find, onSettled }: DuplicatesOf,
  signal: AbortSignal,
  deps: DeadLettersDeps,
): Promise<number> {
  await using lock = await deps.eventLog.acquireLock(deadLettersLock(deps.topics));
  if (lock === undefined) return 0;
  const oldest = async function* () {
    yield* (await find()).slice(0, AT_MOST);
  };
  let dismissed = 0;
  await forEachInFlight(oldest(), { inFlight: IN_FLIGHT, signal }, async ({ letter, kept }) => {
    await keepState(letter, { outcome: 'duplicate', at: deps.now(), attempt: 0, became: kept }, deps);
    onSettled(letter);
    dismissed++;
  });
  return dismissed;
}
