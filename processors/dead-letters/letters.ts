import { DEAD_LETTER_STAGES, type DeadLetter, decodeDeadLetter, letterId } from '#contract/dead-letter.ts';
import { deviceIdOfTopic } from '#contract/device-topic.ts';
import { isPending, type LetterState, ownState } from '#contract/letter-state.ts';
import type { LetterStatus } from '#contract/letter-status.ts';
import { MESSAGE_LIMIT_RANGES } from '#contract/limits.ts';
import type { LogRecord, RecordHeaders, RecordPosition, TopicNames } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { type LetterStates, readLetterStates, signalled } from './letter-states.ts';

/** Where a letter was written; `foreign` = by a program that is not ours. */
export const LETTER_STAGES = [...DEAD_LETTER_STAGES, 'foreign'] as const;
export type LetterStage = (typeof LETTER_STAGES)[number];

/** A dead letter as it stands in the log, with what became of it. */
export interface Letter extends RecordPosition, Omit<DeadLetter, 'stage'> {
  readonly id: string;
  readonly stage: LetterStage;
  /** When the log took the letter, milliseconds since the epoch: the time that filters and lists go by. */
  readonly time: number;
  /** How often it was replayed, before and since it was written. */
  readonly attempt: number;
  readonly headers: RecordHeaders;
  /** `undefined` when nobody dealt with it yet. */
  readonly state: LetterState | undefined;
}

/** In one word what a letter is; `recovered` = corrected by a person, `superseded` = a parked letter took its place, `duplicate` = a newer copy waits for it. */
export function statusOf(letter: Pick<Letter, 'reason' | 'state'>): LetterStatus {
  if (isPending(letter.state)) return letter.reason === 'replay-limit' ? 'parked' : 'pending';
  if (letter.state?.outcome === 'parked') return 'superseded';
  const outcome = letter.state?.outcome;
  return outcome === 'dismissed' || outcome === 'duplicate' || outcome === 'recovered' ? outcome : 'replayed';
}

/** Whether a letter holds a message of foreign firmware, which no device's own topic had. */
export function isForeign(letter: Letter): letter is Letter & { readonly mqttTopic: string } {
  const { stage, mqttTopic } = letter;
  return stage === 'gateway' && mqttTopic !== undefined && deviceIdOfTopic(mqttTopic) === undefined;
}

/** The mapping that knew the topic of a letter; `none` when none did, `undefined` when the device speaks our language. */
export function sourceOf(letter: Letter): string | undefined {
  return letter.rule?.source ?? (isForeign(letter) ? 'none' : undefined);
}

/** Every letter of the topic, partition by partition, oldest first; records that are not ours included. Streams. */
export async function* readLetters(
  log: EventLog,
  topics: TopicNames,
  states: LetterStates,
  signal?: AbortSignal,
): AsyncGenerator<Letter> {
  for await (const record of log.read(topics.deadLetters, signalled(signal))) {
    yield letterOf(record, states.get(record.partition)?.get(record.offset));
  }
}

/** One letter, or `undefined` when none is there: never written, or removed by retention. */
export async function readLetter(
  log: EventLog,
  topics: TopicNames,
  position: RecordPosition,
  signal?: AbortSignal,
): Promise<Letter | undefined> {
  const from = new Map([[position.partition, position.offset]]);
  for await (const record of log.read(topics.deadLetters, { from, ...signalled(signal) })) {
    if (record.offset !== position.offset) return undefined;
    const states = await readLetterStates(log, topics, signal);
    return letterOf(record, states.get(position.partition)?.get(position.offset));
  }
  return undefined;
}

/** @param known what the log says of the letter that stands, or stood, in this place */
export function letterOf(record: LogRecord, known: LetterState | undefined): Letter {
  const state = ownState(known, record.timestamp);
  const letter: Omit<Letter, 'id' | 'time' | 'state' | 'partition' | 'offset' | 'headers'> =
    decodeDeadLetter(record) ?? foreignLetter(record);
  return {
    ...letter,
    partition: record.partition,
    offset: record.offset,
    id: letterId(record),
    time: record.timestamp,
    headers: record.headers,
    attempt: Math.max(letter.attempt, state?.attempt ?? 0),
    state,
  };
}

/** Other programs may write to the topic, and what they write must be seen, not hidden. */
function foreignLetter(record: LogRecord) {
  return {
    deviceId: record.key?.toString('utf8') ?? '',
    payload: record.value ?? new Uint8Array(),
    reason: 'undecodable-record',
    detail: { message: record.damage ?? 'not a letter of this pipeline: its headers are missing or wrong' },
    stage: 'foreign',
    attempt: 0,
    firstFailedAt: record.timestamp,
    receivedAt: record.timestamp,
  } as const;
}

/**
 * The schema that the payload names, `undefined` when it names none. Of a batch message the first reading's, since
 * the letters that hold a whole batch are those whose readings were not looked at.
 */
export function schemaOf(payload: Uint8Array): string | undefined {
  if (payload.length > MESSAGE_LIMIT_RANGES.payloadBytes.max) return undefined;
  let message: unknown;
  try {
    message = JSON.parse(
      Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'),
    );
  } catch {
    return undefined;
  }
  const reading: unknown = Array.isArray(message) ? message[0] : message;
  if (typeof reading !== 'object' || reading === null || !Object.hasOwn(reading, 'schema')) return undefined;
  const name = (reading as { readonly schema: unknown }).schema;
  return typeof name === 'string' ? name.slice(0, 128) : undefined;
}
