import { nextTick } from 'node:process';
import type { Writable } from 'node:stream';

/** Fixed header of a PUBACK: type, and how many bytes follow (MQTT 3.1.1, 3.4). */
const PUBACK = 0x40;
const REST_BYTES = 2;
const PACKET_BYTES = 4;

/**
 * Writes the PUBACKs of one connection: those that are earned in one turn of the event loop leave in one write, in the
 * order in which they were earned. aedes would make three small writes and a timer for each, which was a sixth of what
 * a message cost.
 */
export class PubackWriter {
  readonly #stream: Writable;
  readonly #onFull: () => void;
  #messageIds: number[] = [];

  /** @param onFull the client does not take its answers fast enough; `stream` tells when it does */
  constructor(stream: Writable, onFull: () => void) {
    this.#stream = stream;
    this.#onFull = onFull;
  }

  acknowledge(messageId: number): void {
    if (this.#messageIds.push(messageId) === 1) nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const messageIds = this.#messageIds;
    this.#messageIds = [];
    if (!this.#stream.writable) return;
    const packets = Buffer.allocUnsafe(PACKET_BYTES * messageIds.length);
    let at = 0;
    for (const messageId of messageIds) {
      packets[at++] = PUBACK;
      packets[at++] = REST_BYTES;
      packets[at++] = messageId >>> 8;
      packets[at++] = messageId & 0xff;
    }
    if (!this.#stream.write(packets)) this.#onFull();
  };
}
