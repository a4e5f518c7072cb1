import type { PublishPacket } from 'aedes';
import type { Answer } from '#ingest-gateway/intake/acknowledgement-queue.ts';

/** Lets aedes go on behind `authorizePublish`; with an error it closes the connection. */
export type AedesCallback = (error?: Error | null) => void;

/**
 * What a client is told about each of its messages: the one seam between the versions of MQTT. Each connection has one
 * (`Connection.answers`), that of MQTT 3.1.1 until its CONNECT says otherwise.
 */
export interface Answers {
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
}
