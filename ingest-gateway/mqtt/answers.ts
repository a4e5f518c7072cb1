import type { ConnectPacket } from 'aedes';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';
import type { Sender } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { ReceivedPublish } from './handle-publish.ts';

/**
 * What a client is told: the one seam between the versions of MQTT. Each connection has one (`Connection.answers`), that
 * of MQTT 3.1.1 until its CONNECT says otherwise. The methods follow the life of a connection.
 */
export interface Answers extends Sender {
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
  hungUp(): readonly ReceivedPublish[];
}
