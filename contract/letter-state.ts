import { letterId, parseLetterId } from '#contract/dead-letter.ts';
import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import { isRejectReason, type RejectReason } from '#contract/reject-reason.ts';

/** What can become of a letter. */
export const LETTER_OUTCOMES = [
  /** Its readings are in the telemetry topic again. */
  'replayed',
  /** A person handed in a corrected payload: its readings are in the telemetry topic. */
  'recovered',
  /** Replayed, and refused again: it stays pending, its attempts are counted here. */
  'failed-again',
  /** Refused too often: a letter with the reason `replay-limit` took its place. */
  'parked',
  /** A person decided that nothing is to be done about it. */
  'dismissed',
  /** It made room: a newer letter of the same device, reason, index and bytes waits in its place. */
  'duplicate',
] as const;
type LetterOutcome = (typeof LETTER_OUTCOMES)[number];

/** The newest entry of a letter in the state topic. A letter without one was never dealt with. */
export interface LetterState {
  readonly outcome: LetterOutcome;
  /** When, milliseconds since the epoch. */
  readonly at: number;
  /** How often the letter was replayed so far, all times together. */
  readonly attempt: number;
  /** Why it was refused the last time (`failed-again`, `parked`). */
  readonly reason?: RejectReason;
  /** Where its record stands in the telemetry topic (`replayed`, `recovered`), or the letter in its place (`parked`, `duplicate`). */
  readonly became?: RecordPosition;
  /**
   * When the log took the letter, milliseconds since the epoch: what stands in its place once the topic was deleted and made
   * anew is another one. Missing = not known; it is believed to be the same.
   */
  readonly letterTime?: number;
}

/** What became of the letter that the log took at `letterTime`; `undefined` also when the state is that of one before it. */
export function ownState(state: LetterState | undefined, letterTime: number): LetterState | undefined {
  return state?.letterTime === undefined || state.letterTime === letterTime ? state : undefined;
}

/** Whether somebody still has to deal with a letter whose state this is. */
export function isPending(state: LetterState | undefined): boolean {
  return state === undefined || state.outcome === 'failed-again';
}

/** Key = letter id, so that compaction keeps the newest state of each letter. `undefined` removes it. */
export function encodeLetterState(
  topic: string,
  letter: RecordPosition,
  state: LetterState | undefined,
): AppendRecord {
  return {
    topic,
    key: letterId(letter),
    value: state === undefined ? null : Buffer.from(JSON.stringify(encoded(state))),
    headers: {},
  };
}

/** `undefined` for a record that is not one of ours. Later records of a letter win: compaction may come late. */
export function decodeLetterState(
  record: LogRecord,
): { readonly letter: RecordPosition; readonly state: LetterState | undefined } | undefined {
  const letter = parseLetterId(record.key?.toString('utf8') ?? '');
  if (letter === undefined) return undefined;
  if (record.value === null) return { letter, state: undefined };
  const state = decoded(record.value);
  return state && { letter, state };
}

function encoded(state: LetterState): Record<string, unknown> {
  return { ...state, ...(state.became && { became: letterId(state.became) }) };
}

function decoded(value: Buffer): LetterState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { outcome, at, attempt, reason, became, letterTime } = json as Record<string, unknown>;
  const known = LETTER_OUTCOMES.find((word) => word === outcome);
  if (known === undefined || !isCount(at) || !isCount(attempt)) return undefined;
  const position = typeof became === 'string' ? parseLetterId(became) : undefined;
  return {
    outcome: known,
    at,
    attempt,
    ...(typeof reason === 'string' && isRejectReason(reason) && { reason }),
    ...(position && { became: position }),
    ...(isCount(letterTime) && { letterTime }),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
