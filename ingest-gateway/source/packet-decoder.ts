import mqttPacket, { type Packet, type Parser } from 'mqtt-packet';
import { withoutCutProperties } from './cut-publish.ts';
import type { Frame } from './packet-frames.ts';

/**
 * mqtt-packet's parser, given one whole packet at a time: it would take the end of one from the beginning of the next,
 * and collect packets of any size.
 */
export class PacketDecoder {
  readonly #parser: Parser;
  readonly #hasProperties: boolean;
  readonly #packets: Packet[] = [];
  #error: Error | undefined;

  constructor(protocolVersion: 4 | 5) {
    this.#hasProperties = protocolVersion === 5;
    this.#parser = mqttPacket.parser({ protocolVersion });
    this.#parser.on('packet', (packet) => this.#packets.push(packet));
    this.#parser.on('error', (error) => (this.#error = error as Error));
  }

  /** @throws Error: the packet is malformed. */
  decode({ bytes, cutBytes }: Frame): Packet {
    this.#packets.length = 0;
    const left = this.#parser.parse(
      cutBytes > 0 && this.#hasProperties ? withoutCutProperties(bytes) : bytes,
    );
    if (this.#error !== undefined) throw this.#error;
    const [packet] = this.#packets;
    if (packet === undefined || left > 0) throw new Error('a packet ends within one of its fields');
    // The parser's word for "there was no room for one" is -1.
    if (packet.cmd === 'publish' && packet.qos > 0 && !(packet.messageId && packet.messageId > 0))
      throw new Error('a PUBLISH without a packet id');
    return packet;
  }
}
