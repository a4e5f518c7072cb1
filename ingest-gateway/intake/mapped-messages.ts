import { withLabels } from '#contract/labels.ts';
import { LIMITS } from '#contract/limits.ts';
import type { MappedReading, MappedReject } from '#contract/mapping/map-message.ts';
import { batchesOf, boundedRejects } from '#contract/mapping/mapped-records.ts';
import type { MappedMessage } from '#contract/mapping/mappings.ts';
import { encodeTelemetryRecord } from '#contract/telemetry-record.ts';
import type { TraceContext } from '#contract/trace-context.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { MappingOutcome } from '#ingest-gateway/telemetry-labels.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { beginningOf } from '#runtime/own-text.ts';
import type { Device } from './device.ts';
import type { DeviceRegistry } from './device-registry.ts';
import {
  detailOf,
  type MessageRecords,
  type Outgoing,
  outgoingLetter,
  ReadingsInFlight,
  verdictOf,
} from './outgoing.ts';
import { readingsBySchema } from './readings-by-schema.ts';

export interface MappedMessagesOptions {
  readonly topics: { readonly telemetry: string; readonly deadLetters: string };
  readonly gatewayName: string;
}

export interface MappedMessagesParts {
  readonly contract: CurrentContract;
  readonly devices: DeviceRegistry;
  readonly telemetry: IngestTelemetry;
}

/** A message on a topic that is not the client's own. */
export interface ForeignArrival {
  readonly device: Device;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly cutFrom?: number | undefined;
  readonly retained: boolean;
  readonly receivedAt: number;
  readonly trace: TraceContext | undefined;
}

/** A bridge tells other bridges about itself here (Mosquitto: `notifications`). */
const BROKER_TOPICS = '$SYS/';

/**
 * Turns a message of foreign firmware into records: the readings that the mappings make of it, in our own format and
 * by device, and a dead letter with the whole message for each element that is refused. What it came from stands in
 * the headers.
 */
export class MappedMessages {
  readonly #options: MappedMessagesOptions;
  readonly #parts: MappedMessagesParts;

  constructor(options: MappedMessagesOptions, parts: MappedMessagesParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** The records; none when the message is ignored. Everything is counted. */
  recordsOf(message: ForeignArrival): MessageRecords {
    const { telemetry, contract } = this.#parts;
    const { device, topic, payload, retained, receivedAt } = message;
    if (topic.startsWith(BROKER_TOPICS) && !contract.mappings.knows(topic)) {
      telemetry.tolerated('bridge-notification');
      telemetry.messageIgnored();
      return { outgoing: [], verdict: undefined };
    }
    const mapped = contract.mappings.map({ topic, payload, client: device.id, receivedAt, retained });
    const { readings, rejects } = this.#checkRights(device, mapped);
    telemetry.messageMapped(mapped.rule?.source, outcomeOf(mapped, readings, rejects));
    if (mapped.ignored !== undefined) telemetry.messageIgnored();
    const letters = boundedRejects(rejects, payload.length);
    telemetry.readingsDecoded(readings.length + letters.length);
    const origin = { topic, ...(mapped.rule && { rule: mapped.rule }) };
    device.payForLetters(letters.length, payload.length);
    // A payload of thousands of elements takes milliseconds to look through: that is not in its token either.
    device.bucket.take(Math.floor(mapped.visited / LIMITS.elementsPerToken));
    const outgoing = [
      ...batchesOf(readings, contract.mappings.limits).map((batch) => this.#record(batch, origin, message)),
      ...letters.map((reject) => this.#letter(reject, mapped.rule, message)),
    ];
    return { outgoing, verdict: verdictOf(readings.length, letters) };
  }

  #checkRights(
    device: Device,
    { readings, rejects }: MappedMessage,
  ): { readonly readings: readonly MappedReading[]; readonly rejects: readonly MappedReject[] } {
    const refused: MappedReject[] = [];
    const allowed = readings.filter((reading) => {
      const fault = device.forwarding.judge(device.id, reading.device);
      if (fault !== undefined) refused.push({ ...fault, path: reading.path });
      return fault === undefined;
    });
    return refused.length === 0
      ? { readings, rejects }
      : { readings: allowed, rejects: [...rejects, ...refused] };
  }

  #record(
    { deviceId, readings, value, names }: ReturnType<typeof batchesOf>[number],
    mapped: Parameters<typeof encodeTelemetryRecord>[1]['mapped'],
    { device, receivedAt, trace }: ForeignArrival,
  ): Outgoing {
    const { topics, gatewayName: gateway } = this.#options;
    const { telemetry, devices } = this.#parts;
    const of = deviceId === device.id ? device : devices.forwarded(deviceId, device, mapped?.rule?.source);
    chargeBoth(device, of);
    const bySchema = readingsBySchema(readings);
    const labels = withLabels(of.labelsHeader, names?.tags);
    const measurement = names?.measurement;
    const record = {
      deviceId,
      value,
      readings: readings.length,
      receivedAt,
      gateway,
      trace,
      labels,
      measurement,
      ...(mapped && { mapped }),
    };
    // Without its topic: what it holds then are readings in our own format, and so they are replayed.
    const origin = {
      device: of,
      client: device,
      count: readings.length,
      bySchema,
      receivedAt,
      labels,
      measurement,
    };
    return {
      record: encodeTelemetryRecord(topics.telemetry, record),
      inFlight: new ReadingsInFlight(origin, telemetry),
    };
  }

  #letter(
    { reason, detail, path, device: ofDevice }: MappedReject,
    rule: MappedMessage['rule'],
    message: ForeignArrival,
  ): Outgoing {
    const { device, topic, payload, receivedAt, trace } = message;
    const { devices, telemetry } = this.#parts;
    const letter = {
      deviceId: ofDevice ?? device.id,
      payload,
      reason,
      detail: detailOf(detail, message),
      stage: 'gateway' as const,
      attempt: 0,
      firstFailedAt: receivedAt,
      receivedAt,
      mqttTopic: beginningOf(topic, LIMITS.deadLetterDetailBytes),
      mqttClientId: device.id,
      labels: devices.labelsOf(ofDevice ?? device.id),
      trace,
      ...(rule && { rule }),
      ...(path !== undefined && { path }),
    };
    const counted = (ofDevice === undefined ? undefined : devices.get(ofDevice)) ?? device;
    return outgoingLetter(this.#options.topics.deadLetters, letter, counted, telemetry);
  }
}

/**
 * A message costs a token of the device that it is of, too; when that one has none left, it costs the forwarder one
 * more. So a device that sends too much slows its forwarder down, and nothing is dropped.
 */
function chargeBoth(forwarder: Device, device: Device): void {
  if (device === forwarder) return;
  device.bucket.take(1);
  if (device.bucket.waitMs(performance.now()) > 0) forwarder.bucket.take(1);
}

function outcomeOf(
  { ignored, rule }: MappedMessage,
  readings: readonly unknown[],
  rejects: readonly unknown[],
): MappingOutcome {
  if (rule === undefined) return 'unmapped';
  if (ignored !== undefined) return 'ignored';
  if (rejects.length === 0) return 'mapped';
  return readings.length === 0 ? 'rejected' : 'partly-rejected';
}
