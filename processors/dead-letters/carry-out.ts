import type { DeadLetter } from '#contract/dead-letter.ts';
import { withLabels } from '#contract/labels.ts';
import { LIMITS } from '#contract/limits.ts';
import type { RecordPosition, TopicNames } from '#contract/log-record.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import { encodeTelemetryRecord, type MappingOrigin } from '#contract/telemetry-record.ts';
import { hasCode, type PipelineError } from '#runtime/errors.ts';
import { failsAgain, type ReplayedBatch, type Verdict } from './judge.ts';
import { appendDurably, appendSuccessor, type DeadLettersDeps, keepState } from './letter-states.ts';
import type { Letter } from './letters.ts';

/** Names the replay where a gateway's name would stand. */
const GATEWAY_NAME = 'dead-letters';

type Passes = Extract<Verdict, { readonly kind: 'passes' }>;
type Fails = Extract<Verdict, { readonly kind: 'fails' }>;

/**
 * Does what the verdict says, the result first and, once that is durable, the outcome: whoever dies between the two
 * does the letter again, and the store writes the same point again (P3).
 *
 * A letter that fails again stays where it is and its attempts are counted in the state topic, so that lists do not
 * grow; the last attempt puts a `replay-limit` letter in its place. One whose readings the log takes no more (a smaller
 * limit than when they were sent) fails again for that.
 *
 * @returns what became of it in the end
 * @throws PipelineError `not-durable`: done or not, to be done again.
 */
export async function carryOut(letter: Letter, verdict: Verdict, deps: DeadLettersDeps): Promise<Verdict> {
  if (verdict.kind === 'unreplayable') return verdict;
  if (verdict.kind === 'passes') {
    try {
      await handIn(letter, verdict, deps);
      return verdict;
    } catch (error) {
      if (!hasCode(error, 'refused')) throw error;
      return carryOut(letter, refusedByLog(letter, error), deps);
    }
  }
  await keepFailure(letter, verdict, deps);
  return verdict;
}

function refusedByLog(letter: Letter, { message, bytes }: PipelineError): Fails {
  return failsAgain(letter, { reason: 'refused-by-log', detail: { message, bytes: bytes?.length } });
}

async function handIn(letter: Letter, verdict: Passes, deps: DeadLettersDeps): Promise<void> {
  const { topics, now } = deps;
  const attempt = letter.attempt + 1;
  const refused = verdict.rejects.map((reject) => {
    const parks = attempt >= LIMITS.replayAttempts;
    return successor(letter, { ...reject, attempt, parks });
  });
  const [became] = await Promise.all([
    ...verdict.batches.map((batch) =>
      appendDurably(replayedRecord(letter, batch, verdict.origin, attempt, topics), deps),
    ),
    ...refused.map((each) => appendSuccessor(each, deps)),
  ]);
  const state = { outcome: 'replayed', at: now(), attempt, became: became as RecordPosition } as const;
  return keepState(letter, state, deps);
}

async function keepFailure(letter: Letter, verdict: Fails, deps: DeadLettersDeps): Promise<void> {
  const { attempt, reason, parks } = verdict;
  const at = deps.now();
  if (!parks) return keepState(letter, { outcome: 'failed-again', at, attempt, reason }, deps);
  const became = await appendSuccessor(successor(letter, { ...verdict, bytes: letter.payload }), deps);
  return keepState(letter, { outcome: 'parked', at: deps.now(), attempt, reason, became }, deps);
}

/**
 * Hands in what a person made of a letter, and takes the letter off those that wait. The records say which letter they
 * correct: what the device sent stands there. @throws as {@link carryOut}
 */
export async function recover(
  letter: Letter,
  passed: readonly Extract<Verdict, { readonly kind: 'passes' }>[],
  deps: DeadLettersDeps,
): Promise<void> {
  const attempt = letter.attempt + 1;
  const records = passed.flatMap(({ batches, origin }) =>
    batches.map((batch) => replayedRecord(letter, batch, origin, attempt, deps.topics, letter.id)),
  );
  const [became] = await Promise.all(records.map((record) => appendDurably(record, deps)));
  await keepState(letter, { outcome: 'recovered', at: deps.now(), attempt, ...(became && { became }) }, deps);
}

function replayedRecord(
  letter: Letter,
  { deviceId, readings, value, names }: ReplayedBatch,
  mapped: MappingOrigin | undefined,
  attempt: number,
  topics: TopicNames,
  correctedLetter?: string,
) {
  return encodeTelemetryRecord(topics.telemetry, {
    deviceId,
    value,
    readings: readings.length,
    receivedAt: letter.receivedAt,
    gateway: GATEWAY_NAME,
    replay: { attempt, firstFailedAt: letter.firstFailedAt, ...(correctedLetter && { correctedLetter }) },
    ...(mapped && { mapped }),
    // Of other devices in a foreign message nothing is known here but what its mapping says.
    labels: withLabels(deviceId === letter.deviceId ? letter.labels : undefined, names?.tags),
    measurement: mapped === undefined ? letter.measurement : names?.measurement,
  });
}

interface RefusedAgain {
  readonly reason: RejectReason;
  readonly detail: unknown;
  readonly bytes: Uint8Array;
  readonly index?: number;
  /** Of an element of a foreign message. */
  readonly path?: string;
  readonly attempt: number;
  readonly parks: boolean;
}

/** The letter that takes the place of another one, or of an element of its batch. */
function successor(letter: Letter, refused: RefusedAgain): DeadLetter {
  const { deviceId, firstFailedAt, receivedAt, mqttTopic, mqttClientId, origin, rule, labels, measurement } =
    letter;
  const { reason, detail, bytes, attempt, parks, index = letter.index, path = letter.path } = refused;
  return {
    deviceId,
    payload: bytes,
    reason: parks ? 'replay-limit' : reason,
    ...(parks && { originalReason: reason }),
    detail,
    stage: letter.stage === 'telemetry-writer' ? 'telemetry-writer' : 'gateway',
    attempt,
    firstFailedAt,
    receivedAt,
    labels,
    measurement,
    ...(index !== undefined && { index }),
    ...(mqttTopic !== undefined && { mqttTopic }),
    ...(rule !== undefined && { rule }),
    ...(path !== undefined && { path }),
    ...(mqttClientId !== undefined && { mqttClientId }),
    ...(origin !== undefined && { origin }),
  };
}
