import { type Accepted, type Admission, admit } from '#contract/admission.ts';
import type { Fault } from '#contract/judge-reading.ts';
import { encodeTelemetryRecord } from '#contract/telemetry-record.ts';
import type { TraceContext } from '#contract/trace-context.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import type { Device } from './device.ts';
import type { DeviceClocks } from './device-clocks.ts';
import {
  detailOf,
  type MessageRecords,
  type Outgoing,
  outgoingLetter,
  ReadingsInFlight,
  verdictOf,
} from './outgoing.ts';

export interface NativeMessagesOptions {
  readonly topics: { readonly telemetry: string; readonly deadLetters: string };
  readonly gatewayName: string;
}

export interface NativeMessagesParts {
  readonly contract: CurrentContract;
  readonly telemetry: IngestTelemetry;
  readonly clocks: DeviceClocks;
}

/** A message on a device's own topic. */
export interface NativeArrival {
  /** Whose topic it is. */
  readonly device: Device;
  /** Who handed it in: the device itself, unless a source did. */
  readonly client: Device;
  readonly payload: Uint8Array;
  readonly cutFrom?: number | undefined;
  readonly receivedAt: number;
  readonly trace: TraceContext | undefined;
  /** Why it is refused as a whole, whatever is in it. */
  readonly fault: Fault | undefined;
}

/**
 * Turns a message in our own format into records: its good readings are one record of the telemetry topic, each bad one
 * is a dead letter.
 */
export class NativeMessages {
  readonly #options: NativeMessagesOptions;
  readonly #parts: NativeMessagesParts;

  constructor(options: NativeMessagesOptions, parts: NativeMessagesParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** The records. Everything is counted. */
  recordsOf(message: NativeArrival): MessageRecords {
    const { telemetry, contract, clocks } = this.#parts;
    const { device, client, payload, receivedAt, fault } = message;
    const { accepted, rejects } =
      fault === undefined
        ? admit(payload, receivedAt, contract.schemas, contract.limits)
        : refusedWhole(payload, fault);
    const readings = accepted?.count ?? 0;
    telemetry.readingsDecoded(readings + rejects.length);
    client.payForLetters(rejects.length, payload.length);
    if (accepted !== undefined) clocks.accepted(device.id);
    const outgoing = accepted === undefined ? [] : [this.#record(accepted, message)];
    for (const reject of rejects) {
      // Of devices behind a source nobody knows how many are there: a few of them would seem to be all.
      if (reject.reason === 'timestamp-out-of-range' && device === client)
        this.#compareClocks(device.id, reject.detail);
      outgoing.push(this.#letter(reject, message));
    }
    return { outgoing, verdict: verdictOf(readings, rejects) };
  }

  #record(
    { count, bySchema, value }: Accepted,
    { device, client, receivedAt, trace }: NativeArrival,
  ): Outgoing {
    const { topics, gatewayName: gateway } = this.#options;
    // As they are now: they may be others when the record is read.
    const { labelsHeader: labels } = device;
    const record = {
      deviceId: device.id,
      value,
      readings: count,
      receivedAt,
      gateway,
      trace,
      labels,
    };
    const origin = { device, client, count, bySchema, receivedAt, mqttTopic: device.topic, labels };
    return {
      record: encodeTelemetryRecord(topics.telemetry, record),
      inFlight: new ReadingsInFlight(origin, this.#parts.telemetry),
    };
  }

  #letter({ reason, detail, index, bytes }: Admission['rejects'][number], message: NativeArrival): Outgoing {
    const { device, client, receivedAt, trace } = message;
    const letter = {
      deviceId: device.id,
      payload: bytes,
      reason,
      detail: detailOf(detail, message),
      stage: 'gateway' as const,
      ...(index !== undefined && { index }),
      attempt: 0,
      firstFailedAt: receivedAt,
      receivedAt,
      mqttTopic: device.topic,
      mqttClientId: client.id,
      labels: device.labelsHeader,
      trace,
    };
    return outgoingLetter(this.#options.topics.deadLetters, letter, device, this.#parts.telemetry);
  }

  #compareClocks(deviceId: string, detail: unknown): void {
    const { clocks, telemetry } = this.#parts;
    const { ts, receivedAt } = detail as { readonly ts: number; readonly receivedAt: number };
    const now = performance.now();
    clocks.refused(deviceId, ts - receivedAt, now);
    telemetry.deviceClockOff(() => clocks.ourTrouble(telemetry.connectedDevices(), now));
  }
}

function refusedWhole(payload: Uint8Array, fault: Fault): Admission {
  return { accepted: undefined, rejects: [{ ...fault, bytes: payload }] };
}
