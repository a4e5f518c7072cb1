import { deviceIdOfTopic } from '#contract/device-topic.ts';
import type { Fault } from '#contract/judge-reading.ts';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { TraceContext } from '#contract/trace-context.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import type { AcknowledgementQueue, Answer, PendingAcknowledgement } from './acknowledgement-queue.ts';
import type { Device } from './device.ts';
import type { DeviceClocks } from './device-clocks.ts';
import type { DeviceRegistry } from './device-registry.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { InflightBudget } from './inflight-budget.ts';
import { MappedMessages } from './mapped-messages.ts';
import { NativeMessages } from './native-messages.ts';
import type { MessageRecords, Outgoing } from './outgoing.ts';
import { judgePublish, type PublishAccess } from './publish-access.ts';
import { appendRefused } from './refused-record.ts';

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
  /** Bytes of the payload as it was sent, when `payload` is only the beginning of it. */
  readonly cutFrom?: number | undefined;
}

/** A message that came from a broker, which says nothing of who published it. */
export type HandedOverMessage = Omit<ReceivedMessage, 'access'>;

/** A message of an authenticated device that is for nobody. */
export type ForeignMessage = Pick<
  ReceivedMessage,
  'device' | 'acknowledgements' | 'qos' | 'version' | 'topic'
>;

/** Memory of a record in flight besides its value: headers, promises, callbacks, what aedes keeps. Measured: 2.2 kB. */
const RECORD_OVERHEAD_BYTES = 2 * 1024;

/**
 * Turns a message into records, and lets it be acknowledged when all of them are durable (P1): on the device's own
 * topic by `NativeMessages`, on every other topic by `MappedMessages`. QoS 0 has no acknowledgement: what is not durable
 * is dropped and counted.
 *
 * What waits for the log holds no parsed readings, only bytes and counts: memory is what the budgets count.
 */
export class MessageIntake {
  readonly #options: IntakeOptions;
  readonly #parts: IntakeParts;
  readonly #mapped: MappedMessages;
  readonly #native: NativeMessages;

  constructor(options: IntakeOptions, parts: IntakeParts) {
    this.#options = options;
    this.#parts = parts;
    this.#mapped = new MappedMessages(options, parts);
    this.#native = new NativeMessages(options, parts);
  }

  /** What is to become of a message of this device on this topic. */
  access(device: Device, topic: string): PublishAccess {
    const mapsTopics = this.#parts.contract.mappings.rules.length > 0;
    return judgePublish(topic, device.topic, device.forwarding.right, mapsTopics);
  }

  /** @param answer is called for QoS 0 at once, otherwise when the message is durable or given up. */
  receive(message: ReceivedMessage, answer: Answer): void {
    if (message.access === 'own') this.#receiveNative(message, message.device, undefined, answer);
    else this.#receiveForeign(message, answer);
  }

  /**
   * A message of a device behind a broker, whose word for it is taken: on a telemetry topic of the device that the topic
   * names, on every other one for the mappings.
   *
   * @param answer as of `receive`
   */
  receiveHandedOver(message: HandedOverMessage, answer: Answer): void {
    const { device: client, topic } = message;
    const deviceId = deviceIdOfTopic(topic);
    if (deviceId === undefined) this.#receiveForeign(message, answer);
    else {
      const device = this.#parts.devices.forwarded(deviceId, client, undefined);
      this.#receiveNative(message, device, client.forwarding.judge(client.id, deviceId), answer);
    }
  }

  #receiveNative(message: HandedOverMessage, device: Device, fault: Fault | undefined, answer: Answer): void {
    const arrivedAt = performance.now();
    const receivedAt = this.#received(message);
    const { device: client, payload, cutFrom, trace } = message;
    const records = this.#native.recordsOf({ device, client, payload, cutFrom, receivedAt, trace, fault });
    this.#append(records, message, arrivedAt, answer);
  }

  #receiveForeign(message: HandedOverMessage, answer: Answer): void {
    const arrivedAt = performance.now();
    const receivedAt = this.#received(message);
    this.#append(this.#mapped.recordsOf({ ...message, receivedAt }), message, arrivedAt, answer);
  }

  /** @returns when, milliseconds since the epoch */
  #received({ device, version, qos }: HandedOverMessage): number {
    const { telemetry, now } = this.#parts;
    const receivedAt = now();
    device.lastSeenAt = receivedAt;
    device.messages++;
    telemetry.messageReceived(version, qos);
    return receivedAt;
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
    device.messages++;
    telemetry.messageReceived(version, qos);
    if (device.foreignTopics.none) telemetry.foreignTopic(device.id, topic);
    telemetry.tolerated('foreign-topic');
    if (!device.foreignTopics.count(topic, performance.now())) return false;
    if (qos === 0) answer('discarded');
    else acknowledgements.settle(acknowledgements.push(answer), 'discarded');
    return true;
  }

  #append(
    { outgoing, verdict }: MessageRecords,
    message: HandedOverMessage,
    arrivedAt: number,
    sender: Answer,
  ): void {
    const answer = verdict === undefined ? sender : withVerdict(sender, verdict);
    const { acknowledgements, qos } = message;
    const acknowledgement = qos === 0 ? undefined : acknowledgements.push(answer);
    this.#appendAll(outgoing, message, arrivedAt, acknowledgement);
    if (qos === 0) answer('accepted');
  }

  #appendAll(
    outgoing: readonly Outgoing[],
    { device, acknowledgements, ackDeadlineMs }: HandedOverMessage,
    arrivedAt: number,
    acknowledgement: PendingAcknowledgement | undefined,
  ): void {
    const { eventLog, telemetry, budget } = this.#parts;
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
    const deadlineAt = arrivedAt + ackDeadlineMs;
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
}

/** Says with the answer what was refused, and why. */
function withVerdict(answer: Answer, verdict: NonNullable<MessageRecords['verdict']>): Answer {
  return (outcome) => answer(outcome, verdict);
}

function asPipelineError(error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  return new PipelineError('not-durable', `appending failed: ${describeError(error)}`, { cause: error });
}
