import { nextTick } from 'node:process';
import type { Writable } from 'node:stream';

/** Fixed headers (type, 2 bytes follow) of packets that hold nothing but a packet id, shifted to before it. */
const PUBACK = 0x40_02_0000;
const PUBREC = 0x50_02_0000;
const PUBCOMP = 0x70_02_0000;
const PACKET_BYTES = 4;

/**
 * Writes the PUBACKs, PUBRECs and PUBCOMPs of one connection: those that are earned in one turn of the event loop leave in one
 * write, in the order in which they were earned. aedes would make three small writes and a timer for each, which was a
 * sixth of what a message cost.
 */
export class AnswerWriter {
  readonly #stream: Writable;
  readonly #onFull: () => void;
  /** Whole packets, as numbers. */
  #packets: number[] = [];

  /** @param onFull the client does not take its answers fast enough; `stream` tells when it does */
  constructor(stream: Writable, onFull: () => void) {
    this.#stream = stream;
    this.#onFull = onFull;
  }

  puback(messageId: number): void {
    this.#add(PUBACK + messageId);
  }

  pubrec(messageId: number): void {
    this.#add(PUBREC + messageId);
  }

  pubcomp(messageId: number): void {
    this.#add(PUBCOMP + messageId);
  }

  /** Any other packet, in its turn. */
  write(packet: Uint8Array): void {
    this.flush();
    if (this.#stream.writable && !this.#stream.write(packet)) this.#onFull();
  }

  /** Writes what was earned, without waiting for the end of the turn. */
  flush(): void {
    if (this.#packets.length > 0) this.#flush();
  }

  #add(packet: number): void {
    if (this.#packets.push(packet) === 1) nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const packets = this.#packets;
    this.#packets = [];
    if (packets.length === 0 || !this.#stream.writable) return;
    const bytes = Buffer.allocUnsafe(PACKET_BYTES * packets.length);
    let at = 0;
    for (const packet of packets) {
      bytes[at++] = packet >>> 24;
      bytes[at++] = (packet >>> 16) & 0xff;
      bytes[at++] = (packet >>> 8) & 0xff;
      bytes[at++] = packet & 0xff;
    }
    if (!this.#stream.write(bytes)) this.#onFull();
  };
}
