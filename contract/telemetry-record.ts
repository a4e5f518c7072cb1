import { type Admission, admit } from '#contract/admission.ts';
import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS, MESSAGE_LIMIT_RANGES, type MessageLimits } from '#contract/limits.ts';
import type { AppendRecord, LogRecord, RecordHeaders } from '#contract/log-record.ts';
import { isMeasurementName } from '#contract/measurement-name.ts';
import type { ScannedReadings } from '#contract/scanned-readings.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { TraceContext } from '#contract/trace-context.ts';

/** What a record of the telemetry topic says besides its readings. */
export interface TelemetryRecord {
  readonly deviceId: string;
  /** JSON bytes: one reading, or an array of readings. */
  readonly value: Uint8Array;
  readonly readings: number;
  /** Milliseconds since the epoch, clock of the gateway. */
  readonly receivedAt: number;
  readonly gateway: string;
  /** Only on replayed records: how often they were replayed, and when they first failed. */
  readonly replay?: ReplayMark;
  /** What the device said of the trace that its message belongs to; headers of the same names. */
  readonly trace?: TraceContext | undefined;
  /** Only on readings that a mapping made: of what. */
  readonly mapped?: MappingOrigin;
  /** Labels of the device when the message was received, as `encodeLabels` gives them. */
  readonly labels?: string | undefined;
  /** What the store is to call the measurement, where a mapping says so; else the type of each reading. */
  readonly measurement?: string | undefined;
}

/** Where a mapped reading, or what became none, came from. */
export interface MappingOrigin {
  /** MQTT topic of the original message. */
  readonly topic: string;
  /** Name of the mapping file's source, and the topic pattern of the rule. Missing when no rule knew the topic. */
  readonly rule?: { readonly source: string; readonly topic: string };
}

/** Headers that say so, on records and on dead letters alike. */
export function mappingHeaders({ topic, rule }: MappingOrigin): Readonly<Record<string, string>> {
  return { 'mqtt.topic': topic, ...(rule && { 'mapping.source': rule.source, 'mapping.rule': rule.topic }) };
}

/** The same on records and on dead letters, so that a replay keeps them. More than a gateway would have written are none. */
export function labelsHeader(labels: string | undefined): Readonly<Record<string, string>> | undefined {
  return labels === undefined || labels.length > LIMITS.labelBytes ? undefined : { labels };
}

/** A name that no gateway would have written is none. */
export function measurementHeader(
  measurement: string | undefined,
): Readonly<Record<string, string>> | undefined {
  return measurement === undefined || !isMeasurementName(measurement) ? undefined : { measurement };
}

export interface ReplayMark {
  readonly attempt: number;
  readonly firstFailedAt: number;
  /** Of a payload that a person corrected: the letter with the device's own bytes. */
  readonly correctedLetter?: string;
}

export function encodeTelemetryRecord(topic: string, record: TelemetryRecord): AppendRecord {
  const headers = saysMore(record) ? headersOf(record) : commonHeaders(record);
  return { topic, key: record.deviceId, value: record.value, headers };
}

function headersOf({ readings, receivedAt, gateway, ...more }: TelemetryRecord): RecordHeaders {
  const { replay, trace, mapped, labels, measurement } = more;
  return {
    readings: String(readings),
    'received-at': String(receivedAt),
    gateway,
    ...(replay && {
      'dlq.attempt': String(replay.attempt),
      'dlq.first-failed-at': String(replay.firstFailedAt),
      ...(replay.correctedLetter && { 'dlq.corrected': replay.correctedLetter }),
    }),
    ...trace,
    ...(mapped && mappingHeaders(mapped)),
    ...labelsHeader(labels),
    ...measurementHeader(measurement),
  };
}

/** Than what every record says. */
function saysMore({ replay, trace, mapped, labels, measurement }: TelemetryRecord): boolean {
  return (replay ?? trace ?? mapped ?? labels ?? measurement) !== undefined;
}

type Common = Pick<TelemetryRecord, 'readings' | 'receivedAt' | 'gateway'>;
let common: Common & { readonly headers: RecordHeaders } = {
  readings: 0,
  receivedAt: 0,
  gateway: '',
  headers: {},
};

/** Records of one millisecond share the object, under load a hundred of them, so that a log can encode it once. */
function commonHeaders(record: TelemetryRecord): RecordHeaders {
  const { readings, receivedAt, gateway } = record;
  if (readings !== common.readings || receivedAt !== common.receivedAt || gateway !== common.gateway)
    common = { readings, receivedAt, gateway, headers: headersOf(record) };
  return common.headers;
}

export type DecodedTelemetryRecord =
  | {
      readonly deviceId: string;
      readonly receivedAt: number;
      readonly replay?: ReplayMark;
      /** The header as it stands there: whoever wants the labels decodes it (`decodeLabels`). */
      readonly labels?: string;
      readonly measurement?: string;
      /** Judged again without the clock: the writer may run with other schemas than the gateway did. */
      readonly admission: Admission;
    }
  /** Not one of our records; says why. */
  | { readonly undecodable: string };

/** Reads a record of the telemetry topic, whoever wrote it. @param found as for `admit` */
export function decodeTelemetryRecord(
  record: LogRecord,
  schemas: SchemaRegistry,
  found?: ScannedReadings,
): DecodedTelemetryRecord {
  const deviceId = record.key?.toString('utf8') ?? '';
  if (record.damage !== undefined) return { undecodable: record.damage };
  if (!isDeviceId(deviceId)) return { undecodable: 'the key is not a device id' };
  if (record.value === null) return { undecodable: 'the record has no value' };
  const { receivedAt, others } = marksOf(record.headers);
  if (receivedAt === undefined) return { undecodable: 'the header received-at is missing or not a number' };
  const admission = admit(record.value, undefined, schemas, LARGEST, found);
  const refusedWhole = admission.accepted === undefined && admission.rejects[0]?.index === undefined;
  if (refusedWhole && FOREIGN.has(admission.rejects[0]?.reason ?? '')) {
    return { undecodable: `the value is refused: ${admission.rejects[0]?.reason}` };
  }
  return { deviceId, receivedAt, admission, ...others };
}

/** What the headers of a record say of its readings. */
interface Marks {
  readonly receivedAt: number | undefined;
  /** What few records say. */
  readonly others: {
    readonly replay?: ReplayMark;
    readonly labels?: string;
    readonly measurement?: string;
  };
}

let lastHeaders: RecordHeaders = {};
let lastMarks: Marks = { receivedAt: undefined, others: {} };

/** Records that follow each other often share their headers. */
function marksOf(headers: RecordHeaders): Marks {
  if (headers === lastHeaders) return lastMarks;
  const attempt = headerNumber(headers['dlq.attempt']);
  const firstFailedAt = headerNumber(headers['dlq.first-failed-at']);
  const replay =
    attempt !== undefined && firstFailedAt !== undefined ? { attempt, firstFailedAt } : undefined;
  lastHeaders = headers;
  lastMarks = {
    receivedAt: headerNumber(headers['received-at']),
    others: {
      ...(replay && { replay }),
      ...labelsHeader(headers.labels),
      ...measurementHeader(headers['measurement']),
    },
  };
  return lastMarks;
}

const LARGEST: MessageLimits = {
  payloadBytes: MESSAGE_LIMIT_RANGES.payloadBytes.max,
  readingsPerMessage: MESSAGE_LIMIT_RANGES.readingsPerMessage.max,
};

/** Reasons a gateway never lets into the log, whatever its schemas: such a record came from somewhere else. */
const FOREIGN: ReadonlySet<string> = new Set([
  'malformed-json',
  'not-utf8',
  'payload-too-large',
  'too-many-readings',
]);

/** A whole number from 0 in a header, or `undefined`. */
export function headerNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
