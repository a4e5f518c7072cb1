import type { DeadLetter } from '#contract/dead-letter.ts';
import { decodeLetterState, encodeLetterState, type LetterState } from '#contract/letter-state.ts';
import type { AppendRecord, RecordPosition, TopicNames } from '#contract/log-record.ts';
import { appendLetter } from '#event-log/append-letter.ts';
import type { EventLog } from '#event-log/event-log.ts';

export interface DeadLettersDeps {
  readonly eventLog: EventLog;
  readonly topics: TopicNames;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

/** Until when an append is tried; then the command fails, and goes on where it was when it is run again. */
const APPEND_DEADLINE_MS = 30_000;
/** Removals of states under way at the same time. */
const REMOVALS_AT_ONCE = 64;
/** Never consumes; a name to ask the log for the bounds of a topic with. */
export const NO_GROUP = 'dead-letters';

/** States by partition, then offset of their letters. */
export type LetterStates = ReadonlyMap<number, ReadonlyMap<number, LetterState>>;

/**
 * What became of the letters so far. Held in memory: about 200 bytes for each letter that was dealt with and that the
 * log still keeps, a million of them being 200 MB. Letters that nobody dealt with cost nothing.
 */
export async function readLetterStates(
  log: EventLog,
  topics: TopicNames,
  signal?: AbortSignal,
): Promise<LetterStates> {
  const states = new Map<number, Map<number, LetterState>>();
  for await (const record of log.read(topics.deadLetterState, signalled(signal))) {
    const entry = decodeLetterState(record);
    if (entry === undefined) continue;
    const { partition, offset } = entry.letter;
    if (entry.state === undefined) states.get(partition)?.delete(offset);
    else {
      const ofPartition = states.get(partition) ?? new Map<number, LetterState>();
      states.set(partition, ofPartition.set(offset, entry.state));
    }
  }
  return states;
}

/** Resolves when it is durable. @throws PipelineError `not-durable`, `closed` */
export function appendDurably(record: AppendRecord, { eventLog }: DeadLettersDeps): Promise<RecordPosition> {
  return eventLog.append(record, performance.now() + APPEND_DEADLINE_MS);
}

/** A letter in the place of one that is there already, cut to what the log takes. @throws as {@link appendDurably} */
export function appendSuccessor(letter: DeadLetter, deps: DeadLettersDeps): Promise<RecordPosition> {
  const { eventLog, topics } = deps;
  return appendLetter(eventLog, topics.deadLetters, letter, performance.now() + APPEND_DEADLINE_MS, {
    owed: true,
  });
}

/**
 * @param letter with its time, where another one may stand in its place some day
 * @throws as {@link appendDurably}
 */
export async function keepState(
  letter: RecordPosition & { readonly time?: number },
  state: LetterState | undefined,
  deps: DeadLettersDeps,
): Promise<void> {
  const { partition, offset, time } = letter;
  const kept = state && time !== undefined ? { ...state, letterTime: time } : state;
  await appendDurably(encodeLetterState(deps.topics.deadLetterState, { partition, offset }, kept), deps);
}

/**
 * A compacted topic never forgets a key by itself: removes the states of letters that retention has removed, so that
 * the topic does not grow for ever.
 */
export async function forgetExpiredStates(states: LetterStates, deps: DeadLettersDeps): Promise<void> {
  const { eventLog, topics } = deps;
  const expired: RecordPosition[] = [];
  for (const { partition, oldestOffset } of await eventLog.progress(topics.deadLetters, NO_GROUP)) {
    for (const offset of states.get(partition)?.keys() ?? []) {
      if (offset < oldestOffset) expired.push({ partition, offset });
    }
  }
  for (let i = 0; i < expired.length; i += REMOVALS_AT_ONCE) {
    const removals = expired.slice(i, i + REMOVALS_AT_ONCE);
    await Promise.all(removals.map((letter) => keepState(letter, undefined, deps)));
  }
}

/** `exactOptionalPropertyTypes` tells a missing signal from an undefined one. */
export function signalled(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
