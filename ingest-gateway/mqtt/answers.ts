import type { ConnectPacket, PublishPacket } from 'aedes';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';
import type { Answer } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';

/** Lets aedes go on behind `authorizePublish`; with an error it closes the connection. */
export type AedesCallback = (error?: Error | null) => void;

/**
 * What a client is told: the one seam between the versions of MQTT. Each connection has one (`Connection.answers`), that
 * of MQTT 3.1.1 until its CONNECT says otherwise. The methods follow the life of a connection.
 */
export interface Answers {
  readonly version: MqttVersion;

  /** aedes is about to act on CONNECT, which was changed to what the client can have. May change it further. */
  connecting(packet: ConnectPacket): void;

  /** The client is not let in. @param sayNo lets aedes answer, and close */
  refuseConnect(reason: RefusalReason, sayNo: () => void): void;

  /** aedes is about to write CONNACK 0. */
  accepted(deviceId: string): void;

  /** CONNACK is written. */
  opened(): void;

  /**
   * For each PUBLISH in the order of arrival, before anything was decided about it; also for each time that the client
   * sends it again. May change `packet`: aedes sees it again after `done`.
   *
   * @param done must be called once the answer is given or the message failed; until then aedes holds the packet
   * @returns to be called once, when it is known what became of the message, in the order of the PUBLISHes
   *   [MQTT-4.6.0-2]. For QoS 0 that is at once: nobody is told.
   */
  toPublish(packet: PublishPacket, done: AedesCallback): Answer;

  /**
   * For each PUBREL, which aedes does not see: to be answered at once, nothing depends on it any more.
   *
   * @returns whether it belongs to a PUBREC of this connection: the first half of a message paid for the second one
   */
  toRelease(messageId: number): boolean;

  /** What there is to be said before the connection ends, and nothing after it. */
  farewell(why: Mqtt5AnswerName): Uint8Array;

  /**
   * The connection is gone. @returns messages that waited for CONNACK outside of aedes. What is parsed from here on goes
   * to whoever listens to the parser.
   */
  hungUp(): readonly PublishPacket[];
}
