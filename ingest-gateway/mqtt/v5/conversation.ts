import { LIMITS } from '#contract/limits.ts';
import { MQTT5_ANSWERS, type Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';
import { answerToMessage, type MessageVerdict } from '#contract/mqtt5-message-answers.ts';
import type { ClientPacket, PublishPacket } from './decode-packet.ts';
import { encodeAcknowledgement, encodeSubscriptionAnswer, PINGRESP } from './encode-packet.ts';
import type { PacketFault } from './packet-reader.ts';
import { ReceiveWindow } from './receive-window.ts';
import { TopicAliases } from './topic-aliases.ts';

/** What client and gateway agreed on in CONNECT and CONNACK. */
export interface ConversationTerms {
  readonly receiveMaximum: number;
  /** Bytes of a packet to the client. */
  readonly maxBytes: number;
  readonly wantsReasons: boolean;
  /** Packet identifiers that the session brought along, see `ReceiveWindow`. */
  readonly unreleased: Iterable<number>;
}

export interface ConversationParts {
  /** Writes what was earned in one turn at once, in its order. */
  readonly writer: {
    puback(messageId: number): void;
    pubrec(messageId: number): void;
    pubcomp(messageId: number): void;
    write(packet: Uint8Array): void;
  };
  publish(packet: PublishPacket): void;
  /** A PUBREL belongs to nothing. */
  charge(): void;
  subscriptionRefused(): void;
}

const FOREIGN = { code: MQTT5_ANSWERS.foreignTopic.code, text: 'not a topic of this device: discarded' };
/** From here on a reason code says no. */
const REFUSED_FROM = 0x80;

/** What is said between CONNACK and the end: packets of the client, and the answers to them. */
export class Conversation {
  readonly #terms: ConversationTerms;
  readonly #parts: ConversationParts;
  readonly #aliases = new TopicAliases(LIMITS.topicAliases, LIMITS.topicAliasCharacters);
  readonly #window: ReceiveWindow;

  constructor(terms: ConversationTerms, parts: ConversationParts) {
    this.#terms = terms;
    this.#parts = parts;
    this.#window = new ReceiveWindow(terms.receiveMaximum, terms.unreleased);
  }

  /** See `TopicAliases`: setting an alias is part of it, so once for each packet. */
  topicOf({ topic, properties }: PublishPacket): string | PacketFault {
    return this.#aliases.resolve(topic, properties.topicAlias);
  }

  /** Packet identifiers for the session to keep. */
  unreleased(): Uint16Array {
    return this.#window.unreleased();
  }

  /** @returns what is wrong with the packet at this place */
  handle(packet: Exclude<ClientPacket, { cmd: 'disconnect' }>): PacketFault | undefined {
    const { writer } = this.#parts;
    switch (packet.cmd) {
      case 'publish':
        return this.#publish(packet);
      case 'pubrel':
        this.#release(packet.messageId);
        return;
      case 'pubrec':
        // Nothing was sent to it that it could have received (4.3.3).
        this.#acknowledge('pubrel', packet.messageId, 'notReleased');
        return;
      case 'puback':
      case 'pubcomp':
        return;
      case 'subscribe':
        this.#refuseSubscriptions(packet.messageId, packet.answers);
        return;
      case 'unsubscribe': {
        const codes = Buffer.alloc(packet.filters.length, MQTT5_ANSWERS.notSubscribed.code);
        this.#answer(encodeSubscriptionAnswer('unsuback', packet.messageId, codes));
        return;
      }
      case 'pingreq':
        writer.write(PINGRESP);
        return;
      case 'auth':
      case 'connect':
        return { kind: 'against-rules', why: `${packet.cmd.toUpperCase()} is not expected here` };
    }
  }

  /** It is known what became of a message; for QoS 1 and 2 in the order of the PUBLISHes. */
  acknowledge(
    qos: 1 | 2,
    messageId: number,
    outcome: 'accepted' | 'discarded',
    verdict: MessageVerdict | undefined,
  ): void {
    const { code, text } = outcome === 'discarded' ? FOREIGN : answerToMessage(verdict);
    if (qos === 2 && code < REFUSED_FROM) this.#window.received(messageId);
    else this.#window.acknowledged();
    const type = qos === 1 ? 'puback' : 'pubrec';
    const { writer } = this.#parts;
    if (code === 0 && text === undefined) {
      writer[type](messageId);
      return;
    }
    const { wantsReasons, maxBytes } = this.#terms;
    writer.write(encodeAcknowledgement(type, messageId, code, wantsReasons ? text : undefined, maxBytes));
  }

  #publish(packet: PublishPacket): PacketFault | undefined {
    if (packet.qos > 0 && !this.#window.take()) {
      const why = `more than ${this.#terms.receiveMaximum} messages without an acknowledgement`;
      return { kind: 'receive-maximum', why };
    }
    const topic = this.topicOf(packet);
    if (typeof topic !== 'string') return topic;
    this.#parts.publish(topic === packet.topic ? packet : { ...packet, topic });
    return undefined;
  }

  #release(messageId: number): void {
    const isKnown = this.#window.release(messageId);
    // The second half of a message is no message of its own.
    if (isKnown) this.#parts.writer.pubcomp(messageId);
    else {
      this.#parts.charge();
      this.#acknowledge('pubcomp', messageId, 'notReleased');
    }
  }

  #acknowledge(type: 'pubcomp' | 'pubrel', messageId: number, name: Mqtt5AnswerName): void {
    const { code } = MQTT5_ANSWERS[name];
    this.#parts.writer.write(encodeAcknowledgement(type, messageId, code, undefined, this.#terms.maxBytes));
  }

  #refuseSubscriptions(messageId: number, answers: readonly Mqtt5AnswerName[]): void {
    for (const _ of answers) this.#parts.subscriptionRefused();
    const codes = Uint8Array.from(answers, (name) => MQTT5_ANSWERS[name].code);
    this.#answer(encodeSubscriptionAnswer('suback', messageId, codes));
  }

  /** A packet larger than the client takes is not sent [MQTT-3.1.2-25]. */
  #answer(packet: Uint8Array): void {
    if (packet.length <= this.#terms.maxBytes) this.#parts.writer.write(packet);
  }
}
