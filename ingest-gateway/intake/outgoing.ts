import { type DeadLetter, encodeDeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import type { SchemaCount } from '#contract/plain-readings.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { Device } from './device.ts';
import { RecordInFlight } from './record-in-flight.ts';
import { NO_BYTES } from './refused-record.ts';

/** A record to be appended, and what stays of it until it is durable. */
export interface Outgoing {
  readonly record: AppendRecord;
  readonly inFlight: RecordInFlight;
}

/** What a message becomes. */
export interface MessageRecords {
  readonly outgoing: readonly Outgoing[];
  /** What the sender is told, if it can be; `undefined` = nothing was refused. */
  readonly verdict: { readonly accepted: number; readonly rejected: readonly RejectReason[] } | undefined;
}

export function verdictOf(
  accepted: number,
  rejects: readonly { readonly reason: RejectReason }[],
): MessageRecords['verdict'] {
  return rejects.length === 0 ? undefined : { accepted, rejected: rejects.map(({ reason }) => reason) };
}

/** What is known of the good readings of one device in a message. */
export interface ReadingsOrigin {
  /** Whose readings they are. */
  readonly device: Device;
  /** Who handed them in. */
  readonly client: Device;
  readonly count: number;
  readonly bySchema: readonly SchemaCount[];
  readonly receivedAt: number;
  /** Of the readings themselves, if they can be replayed from it as they are. */
  readonly mqttTopic?: string;
  readonly labels: string | undefined;
  readonly measurement?: string | undefined;
}

/** The record of good readings. */
export class ReadingsInFlight extends RecordInFlight {
  readonly #origin: ReadingsOrigin;
  readonly #telemetry: IngestTelemetry;

  constructor(origin: ReadingsOrigin, telemetry: IngestTelemetry) {
    super(origin.count);
    this.#origin = origin;
    this.#telemetry = telemetry;
  }

  letterWithoutPayload(): DeadLetter {
    const { device, client, receivedAt, mqttTopic, labels, measurement } = this.#origin;
    return {
      deviceId: device.id,
      payload: NO_BYTES,
      reason: 'refused-by-log',
      detail: null,
      stage: 'gateway',
      attempt: 0,
      firstFailedAt: receivedAt,
      receivedAt,
      mqttClientId: client.id,
      labels,
      measurement,
      ...(mqttTopic !== undefined && { mqttTopic }),
    };
  }

  protected count(): void {
    const { device, client, count, bySchema } = this.#origin;
    device.accepted += count;
    if (client !== device) client.forwarded += count;
    for (const each of bySchema) this.#telemetry.readingsAppended(each.schema, each.count);
  }
}

/** The record of a dead letter, counted for the device whose message it is. */
class LetterInFlight extends RecordInFlight {
  readonly #letter: DeadLetter & { readonly reason: RejectReason };
  readonly #device: Device;
  readonly #telemetry: IngestTelemetry;

  constructor(
    letter: DeadLetter & { readonly reason: RejectReason },
    device: Device,
    telemetry: IngestTelemetry,
  ) {
    super(1);
    // The letter itself would keep its payload in memory until the log has it.
    this.#letter = { ...letter, payload: NO_BYTES };
    this.#device = device;
    this.#telemetry = telemetry;
  }

  letterWithoutPayload(): DeadLetter {
    return this.#letter;
  }

  protected count(): void {
    const { reason } = this.#letter;
    this.#device.countRefused(reason);
    this.#telemetry.deadLettered(reason);
  }
}

export function outgoingLetter(
  topic: string,
  letter: DeadLetter & { readonly reason: RejectReason },
  device: Device,
  telemetry: IngestTelemetry,
): Outgoing {
  return {
    record: encodeDeadLetter(topic, letter),
    inFlight: new LetterInFlight(letter, device, telemetry),
  };
}

/** The detail of a reject, with the size of a payload of which only the beginning is there. */
export function detailOf(
  detail: unknown,
  { payload, cutFrom }: { readonly payload: Uint8Array; readonly cutFrom?: number | undefined },
): unknown {
  return cutFrom === undefined ? detail : { ...(detail as object), bytes: cutFrom, kept: payload.length };
}
