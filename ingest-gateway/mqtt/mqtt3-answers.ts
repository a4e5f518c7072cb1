import type { ConnectPacket, PublishPacket } from 'aedes';
import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { Answer } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { AnswerWriter } from '#ingest-gateway/intake/answer-writer.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { AedesCallback, Answers } from './answers.ts';

/**
 * Takes the answer to a PUBLISH over from aedes: from here on the packet has QoS 0, and of that aedes knows that nobody
 * has to be answered. It lets the message pass and forgets it.
 *
 * Why: aedes answers at a cost (see `AnswerWriter`), can say no more than "yes" to a message, and remembers each QoS 2
 * message until its PUBREL comes, in order to leave out the second delivery to subscribers. There are none here, a
 * second append does no harm (P3), and a client that releases late would be closed when that memory is full.
 */
function takeOverAnswer(packet: PublishPacket): void {
  packet.qos = 0;
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
  /** PUBRECs that were not followed by a PUBREL yet. */
  #unreleased = 0;

  constructor(writer: AnswerWriter) {
    this.#writer = writer;
  }

  connecting({ protocolVersion }: ConnectPacket): void {
    if (protocolVersion === 3) this.version = '3.1';
  }

  refuseConnect(_reason: RefusalReason, sayNo: () => void): void {
    sayNo();
  }

  /** CONNACK is written by aedes. */
  accepted(): void {}

  opened(): void {}

  toPublish(packet: PublishPacket, done: AedesCallback): Answer {
    const { qos, messageId = 0 } = packet;
    takeOverAnswer(packet);
    return (outcome) => {
      if (typeof outcome !== 'string') return done(outcome);
      if (qos === 1) this.#writer.puback(messageId);
      else if (qos === 2) {
        this.#unreleased++;
        this.#writer.pubrec(messageId);
      }
      done();
    };
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

  /** Whatever waits, waits in aedes. */
  hungUp(): [] {
    return [];
  }
}
