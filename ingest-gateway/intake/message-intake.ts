import { admit } from '#contract/admission.ts';
import { encodeDeadLetter } from '#contract/dead-letter.ts';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { Reading } from '#contract/reading.ts';
import { encodeTelemetryRecord } from '#contract/telemetry-record.ts';
import type { TraceContext } from '#contract/trace-context.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import type { AcknowledgementQueue, Answer } from './acknowledgement-queue.ts';
import type { Device } from './device.ts';
import type { DeviceClocks } from './device-clocks.ts';
import type { DeviceRegistry } from './device-registry.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { InflightBudget } from './inflight-budget.ts';
import { MappedMessages } from './mapped-messages.ts';
import { type MessageRecords, type Outgoing, verdictOf } from './outgoing.ts';
import { judgePublish, type PublishAccess } from './publish-access.ts';
import { readingsBySchema } from './readings-by-schema.ts';
import { appendRefused, NO_BYTES } from './refused-record.ts';

export interface IntakeOptions {
  readonly topics: { readonly telemetry: string; readonly deadLetters: string };
  /** Written into the header `gateway`. */
  readonly gatewayName: string;
}

export interface IntakeParts {
  readonly eventLog: GatewayLog;
  readonly contract: CurrentContract;
  readonly devices: DeviceRegistry;
  readonly telemetry: IngestTelemetry;
  /** Of the whole gateway. */
  readonly budget: InflightBudget;
  /** Whose clock disagrees with ours. */
  readonly clocks: DeviceClocks;
  readonly now: () => number;
}

/** A message of an authenticated device: on its own topic, or on one that the mappings take. */
export interface ReceivedMessage {
  readonly device: Device;
  readonly access: Exclude<PublishAccess, 'foreign'>;
  readonly acknowledgements: AcknowledgementQueue;
  /** How long it may wait for the log, milliseconds. */
  readonly ackDeadlineMs: number;
  readonly qos: 0 | 1 | 2;
  readonly version: MqttVersion;
  readonly trace: TraceContext | undefined;
  readonly topic: string;
  /** Whether the retain flag was set. */
  readonly retained: boolean;
  /** A view on the socket's buffer, which must not outlive the call: it would keep 64 KiB alive for each message. */
  readonly payload: Uint8Array;
}

/** A message of an authenticated device that is for nobody. */
export type ForeignMessage = Pick<
  ReceivedMessage,
  'device' | 'acknowledgements' | 'qos' | 'version' | 'topic'
>;

/** Memory of a record in flight besides its value: headers, promises, callbacks, what aedes keeps. Measured: 2.2 kB. */
const RECORD_OVERHEAD_BYTES = 2 * 1024;

/**
 * Turns a message into records, and lets it be acknowledged when all of them are durable (P1): on the device's own
 * topic its good readings are one record of the telemetry topic, each bad one is a dead letter; every other topic is
 * for the mappings (`MappedMessages`). QoS 0 has no acknowledgement: what is not durable
 * is dropped and counted.
 *
 * What waits for the log holds no parsed readings, only bytes and counts: memory is what the budgets count.
 */
export class MessageIntake {
  readonly #options: IntakeOptions;
  readonly #parts: IntakeParts;
  readonly #mapped: MappedMessages;

  constructor(options: IntakeOptions, parts: IntakeParts) {
    this.#options = options;
    this.#parts = parts;
    this.#mapped = new MappedMessages(options, parts);
  }

  /** What is to become of a message of this device on this topic. */
  access(device: Device, topic: string): PublishAccess {
    const mapsTopics = this.#parts.contract.mappings.rules.length > 0;
    return judgePublish(topic, device.topic, device.forwarding.right, mapsTopics);
  }

  /** @param answer is called for QoS 0 at once, otherwise when the message is durable or given up. */
  receive(message: ReceivedMessage, answer: Answer): void {
    const arrivedAt = performance.now();
    const receivedAt = this.#parts.now();
    message.device.lastSeenAt = receivedAt;
    this.#parts.telemetry.messageReceived(message.version, message.qos);
    const { outgoing, verdict } =
      message.access === 'own'
        ? this.#recordsOf(message, receivedAt)
        : this.#mapped.recordsOf({ ...message, receivedAt });
    this.#append(outgoing, message, arrivedAt, verdict === undefined ? answer : withVerdict(answer, verdict));
    if (message.qos === 0) answer('accepted');
  }

  /**
   * A message to a topic that is not the device's own (P9): never stored, never passed on, but answered like any other,
   * and in its order, because the device would send it again for ever.
   *
   * @returns false when the device does that faster than clumsy firmware would; `answer` was not taken over then
   */
  discardForeign(message: ForeignMessage, answer: Answer): boolean {
    const { device, acknowledgements, qos, version, topic } = message;
    const { telemetry, now } = this.#parts;
    device.lastSeenAt = now();
    telemetry.messageReceived(version, qos);
    if (device.foreignTopics.none) telemetry.foreignTopic(device.id, topic);
    telemetry.tolerated('foreign-topic');
    if (!device.foreignTopics.count(topic, performance.now())) return false;
    if (qos === 0) answer('discarded');
    else acknowledgements.settle(acknowledgements.push(answer), 'discarded');
    return true;
  }

  #recordsOf({ device, payload, trace }: ReceivedMessage, receivedAt: number): MessageRecords {
    const { telemetry, contract } = this.#parts;
    const { topics, gatewayName: gateway } = this.#options;
    const { accepted, rejects } = admit(payload, receivedAt, contract.schemas, contract.limits);
    telemetry.readingsDecoded((accepted?.readings.length ?? 0) + rejects.length);
    // Each dead letter is a record of its own: work beyond the packet's, which its token does not pay.
    device.bucket.take(rejects.length);
    // As they are now: they may be others when the record is read.
    const labels = device.labelsHeader;
    const outgoing: Outgoing[] = [];
    if (accepted !== undefined) {
      this.#parts.clocks.accepted(device.id);
      const { value } = accepted;
      const readings = accepted.readings.length;
      outgoing.push({
        record: encodeTelemetryRecord(topics.telemetry, {
          deviceId: device.id,
          value,
          readings,
          receivedAt,
          gateway,
          trace,
          labels,
        }),
        readings,
        onDurable: this.#countAppended(device, accepted.readings),
        letterWithoutPayload: () => ({
          deviceId: device.id,
          payload: NO_BYTES,
          reason: 'refused-by-log',
          detail: null,
          stage: 'gateway',
          attempt: 0,
          firstFailedAt: receivedAt,
          receivedAt,
          mqttTopic: device.topic,
          mqttClientId: device.id,
          labels,
        }),
      });
    }
    for (const { reason, detail, index, bytes } of rejects) {
      if (reason === 'timestamp-out-of-range') this.#compareClocks(device.id, detail);
      const letter = {
        deviceId: device.id,
        payload: bytes,
        reason,
        detail,
        stage: 'gateway' as const,
        ...(index !== undefined && { index }),
        attempt: 0,
        firstFailedAt: receivedAt,
        receivedAt,
        mqttTopic: device.topic,
        mqttClientId: device.id,
        trace,
        labels,
      };
      const onDurable = (): void => {
        device.countRefused(reason);
        telemetry.deadLettered(reason);
      };
      const record = encodeDeadLetter(topics.deadLetters, letter);
      const withoutPayload = { ...letter, payload: NO_BYTES };
      outgoing.push({ record, readings: 1, onDurable, letterWithoutPayload: () => withoutPayload });
    }
    return { outgoing, verdict: verdictOf(accepted?.readings.length ?? 0, rejects) };
  }

  #compareClocks(deviceId: string, detail: unknown): void {
    const { clocks, telemetry } = this.#parts;
    const { ts, receivedAt } = detail as { readonly ts: number; readonly receivedAt: number };
    const now = performance.now();
    clocks.refused(deviceId, ts - receivedAt, now);
    telemetry.deviceClockOff(() => clocks.ourTrouble(telemetry.connectedDevices(), now));
  }

  #append(outgoing: readonly Outgoing[], message: ReceivedMessage, arrivedAt: number, answer: Answer): void {
    const { eventLog, telemetry, budget } = this.#parts;
    const { device, acknowledgements, qos } = message;
    const acknowledgement = qos === 0 ? undefined : acknowledgements.push(answer);
    if (outgoing.length === 0) {
      // Ignored: nothing has to become durable for it.
      if (acknowledgement !== undefined) acknowledgements.settle(acknowledgement, 'accepted');
      return;
    }
    let bytes = 0;
    for (const { record } of outgoing) bytes += RECORD_OVERHEAD_BYTES + (record.value?.length ?? 0);
    device.budget.take(bytes);
    budget.take(bytes);

    let outstanding = outgoing.length;
    let failure: PipelineError | undefined;
    const settled = (): void => {
      if (--outstanding > 0) return;
      device.budget.release(bytes);
      budget.release(bytes);
      if (failure !== undefined) telemetry.appendFailed(device.id, failure);
      if (acknowledgement !== undefined) {
        if (failure === undefined) telemetry.acknowledged((performance.now() - arrivedAt) / 1000);
        acknowledgements.settle(acknowledgement, failure ?? 'accepted');
      } else if (failure !== undefined) {
        telemetry.dropped(failure.code === 'closed' ? 'log-closed' : 'not-durable');
      }
    };
    const deadlineAt = arrivedAt + message.ackDeadlineMs;
    const failed = (error: unknown): void => {
      failure ??= asPipelineError(error);
      settled();
    };
    for (const { record, readings, onDurable, letterWithoutPayload } of outgoing) {
      telemetry.appendStarted(readings);
      eventLog.append(record, deadlineAt).then(
        () => {
          onDurable();
          settled();
        },
        (error: unknown) => {
          if (!hasCode(error, 'refused')) return failed(error);
          const letter = letterWithoutPayload();
          const { deadLetters } = this.#options.topics;
          appendRefused(eventLog, deadLetters, letter, readings, error, deadlineAt).then(() => {
            device.countRefused(letter.reason, readings);
            telemetry.deadLettered(letter.reason, readings);
            settled();
          }, failed);
        },
      );
    }
  }

  /** Counts by schema are taken now, so that the readings need not be kept. */
  #countAppended(device: Device, readings: readonly Reading[]): () => void {
    const { telemetry } = this.#parts;
    const counts = readingsBySchema(readings);
    return () => {
      for (const [schema, count] of counts) {
        device.accepted += count;
        telemetry.readingsAppended(schema, count);
      }
    };
  }
}

/** Says with the answer what was refused, and why. */
function withVerdict(answer: Answer, verdict: NonNullable<MessageRecords['verdict']>): Answer {
  return (outcome) => answer(outcome, verdict);
}

function asPipelineError(error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  return new PipelineError('not-durable', `appending failed: ${describeError(error)}`, { cause: error });
}
