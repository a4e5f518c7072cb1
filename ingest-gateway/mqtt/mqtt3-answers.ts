import type { ConnectPacket } from 'aedes';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { MessageOutcome } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { AnswerWriter } from '#ingest-gateway/intake/answer-writer.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { Answers } from './answers.ts';

export interface Mqtt3Ends {
  /** Ends the connection. */
  end(error: Error): void;
  /** The device has no MQTT 5 session any more. */
  endSession(deviceId: string): void;
}

const NOTHING = Buffer.alloc(0);

/**
 * MQTT 3.1 and 3.1.1: a PUBACK or PUBREC says that the client need not send the message again, and that is all it can
 * say, so a message that was discarded is answered like one that was stored. One that is not durable gets no answer:
 * the connection ends, and the client sends it again on its next one.
 */
export class Mqtt3Answers implements Answers {
  version: MqttVersion = '3.1.1';
  readonly #writer: AnswerWriter;
  readonly #ends: Mqtt3Ends;
  /** PUBRECs that were not followed by a PUBREL yet. */
  #unreleased = 0;

  constructor(writer: AnswerWriter, ends: Mqtt3Ends) {
    this.#writer = writer;
    this.#ends = ends;
  }

  connecting({ protocolVersion }: ConnectPacket): void {
    if (protocolVersion === 3) this.version = '3.1';
  }

  refuseConnect(_reason: RefusalReason, sayNo: () => void): void {
    sayNo();
  }

  /** CONNACK is written by aedes, and says that there is no session: one that MQTT 5 began ends by that [MQTT-3.2.2-1]. */
  accepted(deviceId: string): void {
    this.#ends.endSession(deviceId);
  }

  opened(): void {}

  answer(qos: 0 | 1 | 2, messageId: number, outcome: MessageOutcome): void {
    if (typeof outcome !== 'string') this.#ends.end(outcome);
    else if (qos === 1) this.#writer.puback(messageId);
    else if (qos === 2) {
      this.#unreleased++;
      this.#writer.pubrec(messageId);
    }
  }

  toRelease(messageId: number): boolean {
    this.#writer.pubcomp(messageId);
    if (this.#unreleased === 0) return false;
    this.#unreleased--;
    return true;
  }

  /** A server cannot say why it ends a connection. */
  farewell(): Uint8Array {
    return NOTHING;
  }

  /** Whatever waits, waits in `Publishes`. */
  hungUp(): [] {
    return [];
  }
}
