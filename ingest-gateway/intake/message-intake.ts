import { deviceIdOfTopic } from '#contract/device-topic.ts';
import type { Fault } from '#contract/judge-reading.ts';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { TraceContext } from '#contract/trace-context.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import type { Device } from './device.ts';
import type { DeviceClocks } from './device-clocks.ts';
import type { DeviceRegistry } from './device-registry.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { InflightBudget } from './inflight-budget.ts';
import { MappedMessages } from './mapped-messages.ts';
import { type AnsweredMessage, type InFlightParts, MessageInFlight } from './message-in-flight.ts';
import { NativeMessages } from './native-messages.ts';
import type { MessageRecords } from './outgoing.ts';
import { judgePublish, type PublishAccess } from './publish-access.ts';

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

/** A message of an authenticated device, or one that a broker handed over. */
export interface ReceivedMessage extends AnsweredMessage {
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

/** A message that is for nobody. */
export type ForeignMessage = AnsweredMessage & Pick<ReceivedMessage, 'version' | 'topic'>;

/**
 * Turns a message into records, and lets it be acknowledged when all of them are durable (P1): on the device's own
 * topic by `NativeMessages`, on every other topic by `MappedMessages`. QoS 0 has no acknowledgement: what is not durable
 * is dropped and counted.
 *
 * What waits for the log holds no parsed readings, only bytes and counts: memory is what the budgets count.
 */
export class MessageIntake {
  readonly #parts: IntakeParts;
  readonly #mapped: MappedMessages;
  readonly #native: NativeMessages;
  readonly #inFlight: InFlightParts;

  constructor(options: IntakeOptions, parts: IntakeParts) {
    this.#parts = parts;
    this.#inFlight = { ...parts, deadLetterTopic: options.topics.deadLetters };
    this.#mapped = new MappedMessages(options, parts);
    this.#native = new NativeMessages(options, parts);
  }

  /** What is to become of a message of this device on this topic. */
  access(device: Device, topic: string): PublishAccess {
    const mapsTopics = this.#parts.contract.mappings.rules.length > 0;
    return judgePublish(topic, device.topic, device.forwarding.right, mapsTopics);
  }

  /** A message on the device's own topic, or on one that the mappings take. Its sender is answered when it is durable or given up. */
  receive(message: ReceivedMessage, access: Exclude<PublishAccess, 'foreign'>): void {
    if (access === 'own') this.#receiveNative(message, message.device, undefined);
    else this.#receiveForeign(message);
  }

  /**
   * A message of a device behind a broker, whose word for it is taken: on a telemetry topic of the device that the topic
   * names, on every other one for the mappings.
   */
  receiveHandedOver(message: ReceivedMessage): void {
    const { device: client, topic } = message;
    const deviceId = deviceIdOfTopic(topic);
    if (deviceId === undefined) this.#receiveForeign(message);
    else {
      const device = this.#parts.devices.forwarded(deviceId, client, undefined);
      this.#receiveNative(message, device, client.forwarding.judge(client.id, deviceId));
    }
  }

  #receiveNative(message: ReceivedMessage, device: Device, fault: Fault | undefined): void {
    const arrivedAt = performance.now();
    const receivedAt = this.#received(message);
    const { device: client, payload, cutFrom, trace } = message;
    const records = this.#native.recordsOf({ device, client, payload, cutFrom, receivedAt, trace, fault });
    this.#append(records, message, arrivedAt);
  }

  #receiveForeign(message: ReceivedMessage): void {
    const arrivedAt = performance.now();
    const receivedAt = this.#received(message);
    this.#append(this.#mapped.recordsOf({ ...message, receivedAt }), message, arrivedAt);
  }

  #append({ outgoing, verdict }: MessageRecords, message: ReceivedMessage, arrivedAt: number): void {
    new MessageInFlight(this.#inFlight, message, arrivedAt, verdict).start(outgoing);
  }

  /** @returns when, milliseconds since the epoch */
  #received({ device, version, qos }: ReceivedMessage): number {
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
   * @returns false when the device does that faster than clumsy firmware would; it is not answered then
   */
  discardForeign(message: ForeignMessage): boolean {
    const { device, qos, version, topic } = message;
    const { telemetry, now } = this.#parts;
    device.lastSeenAt = now();
    device.messages++;
    telemetry.messageReceived(version, qos);
    if (device.foreignTopics.none) telemetry.foreignTopic(device.id, device.address, topic);
    telemetry.tolerated('foreign-topic');
    if (!device.foreignTopics.count(topic, performance.now())) return false;
    if (qos !== 0) new MessageInFlight(this.#inFlight, message, performance.now(), undefined).discard();
    return true;
  }
}
