import { LIMITS } from '#contract/limits.ts';
import type { LogRecord, RecordPosition, TopicNames } from '#contract/log-record.ts';
import type { Reading } from '#contract/reading.ts';
import { headerNumber } from '#contract/telemetry-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { readLetterStates } from '#processors/dead-letters/letter-states.ts';
import { isForeign, type Letter, readLetters, schemaOf } from '#processors/dead-letters/letters.ts';
import { describeError, hasCode } from '#runtime/errors.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { findReadings, isWithin, type Wanted } from './find-readings.ts';

export interface TraceQuestion {
  readonly deviceId: string;
  /** Readings that mappings make have no `seq`; they are found by their time. */
  readonly wanted: Wanted;
}

export interface TraceDeps {
  readonly eventLog: EventLog;
  readonly store: Pick<TelemetryStore, 'latest' | 'scan'>;
  readonly topics: TopicNames;
  readonly group: string;
  readonly signal: AbortSignal;
  /** Called often: records looked at so far, of how many. What it returns is waited for: whoever shares the process rests. */
  readonly onProgress: (done: number, total: number) => Promise<void> | undefined;
}

/** One place in the telemetry topic where the reading stands: a resend or a replay may have put it there again. */
export interface Acceptance extends RecordPosition {
  /** By the log's clock, milliseconds since the epoch; `receivedAt` by the gateway's. */
  readonly loggedAt: number;
  readonly receivedAt: number | undefined;
  readonly gateway: string | undefined;
  /** Position in a batch message. */
  readonly index: number | undefined;
  readonly schema: unknown;
  readonly ts: unknown;
  /** How often its letter was replayed before; 0 = it came from the device. */
  readonly replays: number;
  /** Whether the telemetry-writer is past it. */
  readonly committed: boolean;
  /** Of a reading that a mapping made: by which rule, of a message on which topic. */
  readonly mapping?: {
    readonly source: string;
    readonly rule: string | undefined;
    readonly topic: string | undefined;
  };
}

/**
 * - `stored`: the store has it
 * - `dead-lettered`: it is in the dead letters and not in the store
 * - `waiting`: in the log, the telemetry-writer has not come to it
 * - `merged`: another reading of the same device, type and millisecond took its place in the store
 * - `unknown`: the telemetry-writer is past it, and the store cannot be asked
 * - `missing`: the telemetry-writer is past it, but it is nowhere: retention of the store, or a loss
 * - `not-found`: neither in the log, nor in the dead letters, nor in the store
 */
export type TraceVerdict =
  | 'stored'
  | 'dead-lettered'
  | 'waiting'
  | 'merged'
  | 'unknown'
  | 'missing'
  | 'not-found';

export interface Trace extends TraceQuestion {
  readonly verdict: TraceVerdict;
  readonly accepted: readonly Acceptance[];
  readonly letters: readonly Letter[];
  readonly stored: readonly Reading[];
  /** What the store holds in the reading's place: same type and time, another `seq`. */
  readonly mergedInto: Reading | undefined;
  /** Why the store could not be asked. */
  readonly storeTrouble: string | undefined;
}

/**
 * Where one reading is, or those of a span of time. Looks through both topics from the beginning: which partition a key goes to is the log's
 * affair, and retention bounds what there is to read.
 *
 * @throws PipelineError `event-log-unavailable`
 */
export async function traceReading(question: TraceQuestion, deps: TraceDeps): Promise<Trace> {
  const { eventLog, topics, group } = deps;
  const committed = await eventLog.progress(topics.telemetry, group);
  const letterBounds = await eventLog.progress(topics.deadLetters, group);
  const total = [...committed, ...letterBounds].reduce((sum, p) => sum + p.endOffset - p.oldestOffset, 0);
  let done = 0;
  const step = (): Promise<void> | undefined => deps.onProgress(++done, total);

  const committedOffsets = new Map(committed.map((p) => [p.partition, p.committedOffset]));
  const accepted: Acceptance[] = [];
  const key = Buffer.from(question.deviceId);
  for await (const record of eventLog.read(topics.telemetry, { signal: deps.signal })) {
    await step();
    if (record.key?.equals(key)) accepted.push(...acceptancesIn(record, question.wanted, committedOffsets));
  }
  const letters: Letter[] = [];
  const states = await readLetterStates(eventLog, topics, deps.signal);
  for await (const letter of readLetters(eventLog, topics, states, deps.signal)) {
    await step();
    if (letter.deviceId !== question.deviceId) continue;
    if (isAbout(letter, question.wanted)) letters.push(letter);
  }
  const inStore = await askStore(question, accepted, deps.store);
  const trace = { ...question, accepted, letters, ...inStore };
  return { ...trace, verdict: verdictOf(trace) };
}

/**
 * Whether a letter holds a reading that is looked for. What is not in our own format has no `ts` that could be told
 * without its mapping: the time at which it was received stands for it.
 */
function isAbout(letter: Letter, wanted: Wanted): boolean {
  if (findReadings(letter.payload, wanted).length > 0) return true;
  if ('seq' in wanted || !isWithin(letter.receivedAt, wanted)) return false;
  return isForeign(letter) || schemaOf(letter.payload) === undefined;
}

/** In the order of what matters most to know. */
function verdictOf(trace: Omit<Trace, 'verdict'>): TraceVerdict {
  const { accepted, letters, stored, mergedInto, storeTrouble } = trace;
  const isStored = ({ ts, schema }: Acceptance): boolean =>
    stored.some((reading) => reading.ts === ts && typeOf(reading.schema) === typeOf(String(schema)));
  if (stored.length > 0 && ('seq' in trace.wanted || accepted.every(isStored))) return 'stored';
  if (accepted.some(({ committed }) => !committed)) return 'waiting';
  if (letters.length > 0) return 'dead-lettered';
  if (mergedInto !== undefined) return 'merged';
  if (accepted.length === 0) return storeTrouble === undefined ? 'not-found' : 'unknown';
  return storeTrouble === undefined ? 'missing' : 'unknown';
}

function acceptancesIn(
  record: LogRecord,
  wanted: Wanted,
  committedOffsets: ReadonlyMap<number, number>,
): Acceptance[] {
  const { partition, offset, timestamp: loggedAt, headers, value } = record;
  if (value === null) return [];
  return findReadings(value, wanted).map(({ index, reading }) => ({
    partition,
    offset,
    loggedAt,
    receivedAt: headerNumber(headers['received-at']),
    gateway: headers['gateway'],
    index,
    schema: reading?.['schema'],
    ts: reading?.['ts'],
    replays: headerNumber(headers['dlq.attempt']) ?? 0,
    committed: offset < (committedOffsets.get(partition) ?? -1),
    ...(headers['mapping.source'] !== undefined && {
      mapping: {
        source: headers['mapping.source'],
        rule: headers['mapping.rule'],
        topic: headers['mqtt.topic'],
      },
    }),
  }));
}

async function askStore(
  { deviceId, wanted }: TraceQuestion,
  accepted: readonly Acceptance[],
  store: TraceDeps['store'],
): Promise<Pick<Trace, 'stored' | 'mergedInto' | 'storeTrouble'>> {
  try {
    if ('seq' in wanted)
      return { ...(await storedUnder(wanted.seq, deviceId, accepted, store)), storeTrouble: undefined };
    const stored: Reading[] = [];
    for await (const { deviceId: _, ...reading } of store.scan({ ...wanted, deviceIds: [deviceId] })) {
      if (stored.push(reading) >= LIMITS.readingsPerQuery) break;
    }
    return { stored, mergedInto: undefined, storeTrouble: undefined };
  } catch (error) {
    if (!hasCode(error, 'store-unavailable')) throw error;
    return { stored: [], mergedInto: undefined, storeTrouble: describeError(error) };
  }
}

async function storedUnder(
  seq: number,
  deviceId: string,
  accepted: readonly Acceptance[],
  store: TraceDeps['store'],
): Promise<Pick<Trace, 'stored' | 'mergedInto'>> {
  let mergedInto: Reading | undefined;
  for (const { ts, schema } of accepted) {
    if (typeof ts !== 'number' || typeof schema !== 'string') continue;
    for await (const reading of store.scan({ fromMs: ts, toMs: ts + 1, deviceIds: [deviceId] })) {
      if (typeOf(reading.schema) !== typeOf(schema)) continue;
      if (reading.seq === seq) return { stored: [reading], mergedInto: undefined };
      mergedInto = reading;
    }
  }
  // Retention may have taken it from the log: then its time is not known, and only the newest can be looked through.
  const newest = accepted.length > 0 ? [] : await store.latest(deviceId, LIMITS.readingsPerQuery);
  return { stored: newest.filter((reading) => reading.seq === seq).slice(0, 1), mergedInto };
}

function typeOf(schema: string): string {
  return schema.slice(0, schema.lastIndexOf('/'));
}
