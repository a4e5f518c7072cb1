import { telemetryTopic } from '#contract/device-topic.ts';
import { LIMITS } from '#contract/limits.ts';
import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import { isRejectReason, type RejectReason } from '#contract/reject-reason.ts';
import {
  headerNumber,
  labelsHeader,
  type MappingOrigin,
  mappingHeaders,
  measurementHeader,
} from '#contract/telemetry-record.ts';
import type { TraceContext } from '#contract/trace-context.ts';

export const DEAD_LETTER_STAGES = ['gateway', 'telemetry-writer'] as const;
export type DeadLetterStage = (typeof DEAD_LETTER_STAGES)[number];

/** A reading, or a message or record as a whole, that was refused: its original bytes and why. */
export interface DeadLetter {
  /** Also the record key. Of a foreign record: its key as text. */
  readonly deviceId: string;
  readonly payload: Uint8Array;
  readonly reason: RejectReason;
  /** JSON-compatible: what is wrong (schema errors), or the store's answer. Cut to 2 KiB when written. */
  readonly detail: unknown;
  readonly stage: DeadLetterStage;
  /** Position in a batch message. */
  readonly index?: number;
  /** How often it was replayed before it failed here; 0 = never. */
  readonly attempt: number;
  /** Milliseconds since the epoch, like all times here. */
  readonly firstFailedAt: number;
  /** Why it failed before it was parked (`reason` is then `replay-limit`). */
  readonly originalReason?: RejectReason;
  /** When the gateway received it: the clock that a replay is judged by. */
  readonly receivedAt: number;
  readonly mqttTopic?: string;
  /** Of a message that a mapping read: the rule. */
  readonly rule?: NonNullable<MappingOrigin['rule']>;
  /** JSON Pointer of the refused element in such a message; without it all of it was refused. */
  readonly path?: string;
  readonly mqttClientId?: string;
  /** Labels of the device when the message was received, as `encodeLabels` gives them. */
  readonly labels?: string | undefined;
  /** What the store is to call its measurement; of readings that a mapping made. */
  readonly measurement?: string | undefined;
  /** Where the record it came from stands in the telemetry topic; letters of the writer only. */
  readonly origin?: RecordPosition & { readonly topic: string };
  /** What the device said of the trace that its message belongs to; written only, headers of the same names. */
  readonly trace?: TraceContext | undefined;
}

/** Letters are addressed by where they stand: `<partition>-<offset>`. */
export function letterId(position: RecordPosition): string {
  return `${position.partition}-${position.offset}`;
}

export function parseLetterId(id: string): RecordPosition | undefined {
  const match = /^(\d{1,9})-(\d{1,15})$/.exec(id);
  return match === null ? undefined : { partition: Number(match[1]), offset: Number(match[2]) };
}

/** The letter with so many bytes of its payload, and with what was cut away in its detail. */
export function cutLetter(letter: DeadLetter, keptBytes: number): DeadLetter {
  const { payload, detail } = letter;
  if (payload.length <= keptBytes) return letter;
  return {
    ...letter,
    payload: payload.subarray(0, keptBytes),
    detail: { bytes: payload.length, keptBytes, ...(isObject(detail) ? detail : { detail }) },
  };
}

/** What a letter may say besides its payload and why it was refused: the name of each part, and where it stands. */
const PARTS = {
  topic: 'mqttTopic',
  rule: 'rule',
  path: 'path',
  'client-id': 'mqttClientId',
  labels: 'labels',
  measurement: 'measurement',
} as const satisfies Record<string, keyof DeadLetter>;
type LeftOut = keyof typeof PARTS | 'key' | 'trace';

/** Of what is said in words, in a letter that has to be small. */
const BARE_CHARACTERS = 64;

/**
 * The letter without its trace, with little of its detail, and without those of its other parts that have more characters: what is
 * around a payload may be some KiB. The detail says which parts were left out (`leftOut`).
 */
export function bareLetter(letter: DeadLetter, maxCharacters: number): DeadLetter {
  const { detail, trace, ...rest } = letter;
  const leftOut: LeftOut[] = trace === undefined ? [] : ['trace'];
  const bare: { -readonly [K in keyof typeof rest]: (typeof rest)[K] } = rest;
  for (const [name, part] of Object.entries(PARTS)) {
    const fits = charactersOf(letter[part]) <= maxCharacters;
    // A rule is written with the topic that it read.
    if (letter[part] === undefined || (fits && (part !== 'rule' || bare.mqttTopic !== undefined))) continue;
    delete bare[part];
    // A device's own topic says no more than the key.
    if (letter[part] !== telemetryTopic(letter.deviceId)) leftOut.push(name as LeftOut);
  }
  if (letter.deviceId.length > BARE_CHARACTERS) {
    bare.deviceId = letter.deviceId.slice(0, BARE_CHARACTERS).toWellFormed();
    leftOut.push('key');
  }
  return {
    ...bare,
    detail: { ...shortDetail(detail, BARE_CHARACTERS), ...(leftOut.length > 0 && { leftOut }) },
  };
}

function charactersOf(part: DeadLetter[(typeof PARTS)[keyof typeof PARTS]]): number {
  return typeof part === 'object' ? Object.values(part).join('').length : (part ?? '').length;
}

/** Names of the parts that were left out, and `payload` when it was cut, as far as the detail says so. */
export function missingParts({ detail }: Pick<DeadLetter, 'detail'>): ReadonlySet<string> {
  if (!isObject(detail)) return new Set();
  const { keptBytes, leftOut } = detail;
  const names = Array.isArray(leftOut) ? leftOut.map(String) : [];
  return new Set(keptBytes === undefined ? names : ['payload', ...names]);
}

/** Its beginning as text, so that it stays JSON; what it says by numbers and by yes and no stays as it is: what a replay goes by. */
function shortDetail(detail: unknown, characters: number): Readonly<Record<string, unknown>> {
  const facts = Object.entries(isObject(detail) ? detail : {}).filter(
    ([name, value]) => name === 'leftOut' || typeof value === 'number' || typeof value === 'boolean',
  );
  const text = JSON.stringify(detail) ?? 'null';
  return { ...Object.fromEntries(facts), truncated: text.slice(0, characters).toWellFormed() };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function encodeDeadLetter(topic: string, letter: DeadLetter): AppendRecord {
  const headers: Record<string, string> = {
    'dlq.reason': letter.reason,
    'dlq.detail': encodeDetail(letter.detail),
    'dlq.stage': letter.stage,
    'dlq.attempt': String(letter.attempt),
    'dlq.first-failed-at': String(letter.firstFailedAt),
    'received-at': String(letter.receivedAt),
    ...letter.trace,
    ...labelsHeader(letter.labels),
    ...measurementHeader(letter.measurement),
  };
  if (letter.index !== undefined) headers['dlq.index'] = String(letter.index);
  if (letter.originalReason !== undefined) headers['dlq.original-reason'] = letter.originalReason;
  if (letter.mqttTopic !== undefined) {
    const { mqttTopic: topic, rule } = letter;
    Object.assign(headers, mappingHeaders({ topic, ...(rule && { rule }) }));
  }
  if (letter.path !== undefined) headers['dlq.path'] = letter.path;
  if (letter.mqttClientId !== undefined) headers['mqtt.client-id'] = letter.mqttClientId;
  if (letter.origin !== undefined) {
    headers['x-original-topic'] = letter.origin.topic;
    headers['x-original-partition'] = String(letter.origin.partition);
    headers['x-original-offset'] = String(letter.origin.offset);
  }
  return { topic, key: letter.deviceId, value: letter.payload, headers };
}

/** `undefined` for a record that is not one of our letters: other programs may write to the topic. */
export function decodeDeadLetter(record: LogRecord): DeadLetter | undefined {
  const { headers } = record;
  const reason = headers['dlq.reason'] ?? '';
  const stage = DEAD_LETTER_STAGES.find((known) => known === headers['dlq.stage']);
  const attempt = headerNumber(headers['dlq.attempt']);
  const firstFailedAt = headerNumber(headers['dlq.first-failed-at']);
  const receivedAt = headerNumber(headers['received-at']);
  if (!isRejectReason(reason) || stage === undefined || record.value === null) return undefined;
  if (attempt === undefined || firstFailedAt === undefined || receivedAt === undefined) return undefined;
  const index = headerNumber(headers['dlq.index']);
  const originalReason = headers['dlq.original-reason'];
  const originTopic = headers['x-original-topic'];
  const originPartition = headerNumber(headers['x-original-partition']);
  const originOffset = headerNumber(headers['x-original-offset']);
  const { 'mapping.source': source, 'mapping.rule': rule } = headers;
  const fromRecord = originTopic !== undefined && originPartition !== undefined && originOffset !== undefined;
  return {
    deviceId: record.key?.toString('utf8') ?? '',
    payload: record.value,
    reason,
    detail: parseDetail(headers['dlq.detail']),
    stage,
    attempt,
    firstFailedAt,
    receivedAt,
    ...(index !== undefined && { index }),
    ...(originalReason !== undefined && isRejectReason(originalReason) && { originalReason }),
    ...(headers['mqtt.topic'] !== undefined && { mqttTopic: headers['mqtt.topic'] }),
    ...(source !== undefined && rule !== undefined && { rule: { source, topic: rule } }),
    ...(headers['dlq.path'] !== undefined && { path: headers['dlq.path'] }),
    ...(headers['mqtt.client-id'] !== undefined && { mqttClientId: headers['mqtt.client-id'] }),
    ...labelsHeader(headers.labels),
    ...measurementHeader(headers['measurement']),
    ...(fromRecord && { origin: { topic: originTopic, partition: originPartition, offset: originOffset } }),
  };
}

function encodeDetail(detail: unknown): string {
  const text = JSON.stringify(detail) ?? 'null';
  if (Buffer.byteLength(text) <= LIMITS.deadLetterDetailBytes) return text;
  // A quarter of the limit: escaping and multi-byte characters cannot carry the cut text over it again.
  return JSON.stringify(shortDetail(detail, LIMITS.deadLetterDetailBytes / 4));
}

function parseDetail(text: string | undefined): unknown {
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
