/**
 * Bytes handed to the parser at once: by so much can the bounds be exceeded, with whatever messages are in it. Each slice
 * costs a turn, and a message that lies on two slices a copy.
 */
export const SLICE_BYTES = 16 * 1024;
/** The remaining length of a packet takes at most so many bytes (MQTT 3.1.1, 2.2.3). */
const MAX_LENGTH_BYTES = 4;
/** Of a byte of it: another one follows. */
const CONTINUED = 0x80;

const STOPPED = -1;

/** Whole packets of which one byte says how long they are: sixty thousand of the smallest ones may lie one behind the other. */
function passOverSmall(input: Uint8Array, from: number, onPacket: (firstByte: number) => boolean): number {
  let at = from;
  for (;;) {
    const length = input[at + 1] ?? CONTINUED;
    const end = at + 2 + length;
    if (length >= CONTINUED || end > input.length) return at;
    if (!onPacket(input[at] as number)) return STOPPED;
    at = end;
  }
}

/**
 * Follows the packets in a connection's input, byte by byte as far as their fixed headers go, without looking into
 * them: so that a slice of input can be cut by the number of packets in it before any of them is parsed. 16 KiB are
 * 4,000 packets of the smallest kind, and a parser that has them works through all of them in one turn.
 *
 * Three states: *between packets*; *in a fixed header* (its length is being read); *in a body* (`#bodyLeft` bytes of it
 * are still to come).
 */
export class PacketBoundaries {
  /** Bytes read of the current packet's length; -1 = between packets, or in a body. */
  #lengthBytes = -1;
  #length = 0;
  #bodyLeft = 0;

  get areBetweenPackets(): boolean {
    return this.#bodyLeft === 0 && this.#lengthBytes === -1;
  }

  /** How many bytes of `input` hold no more than `packets` ends of packets; those are taken as passed on. */
  take(input: Uint8Array, packets: number): number {
    let left = packets;
    let at = 0;
    while (at < input.length) {
      if (this.#bodyLeft > 0) {
        const step = Math.min(this.#bodyLeft, input.length - at);
        this.#bodyLeft -= step;
        at += step;
        if (this.#bodyLeft === 0 && --left === 0) return at;
      } else if (this.#readHeader(input[at++] as number) && --left === 0) return at;
    }
    return at;
  }

  /** Passes over `input`. @param onPacket with the first byte of each packet that begins and ends in it; `false` = no further */
  passOver(input: Uint8Array, onPacket: (firstByte: number) => boolean): void {
    let first: number | undefined;
    for (let at = 0; at < input.length; ) {
      if (this.#bodyLeft > 0) {
        const step = Math.min(this.#bodyLeft, input.length - at);
        this.#bodyLeft -= step;
        at += step;
        if (this.#bodyLeft > 0) return;
      } else if (this.areBetweenPackets) {
        at = passOverSmall(input, at, onPacket);
        if (at === STOPPED) return;
        first = input[at++];
        if (first !== undefined) this.#readHeader(first);
        continue;
      } else if (!this.#readHeader(input[at++] as number)) continue;
      if (first !== undefined && !onPacket(first)) return;
    }
  }

  /** @returns whether the packet ended with this byte: it has no body. */
  #readHeader(byte: number): boolean {
    if (this.#lengthBytes === -1) {
      this.#lengthBytes = 0;
      this.#length = 0;
      return false;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    // One byte more is no MQTT: the parser says so.
    if (byte & CONTINUED && this.#lengthBytes < MAX_LENGTH_BYTES) return false;
    this.#lengthBytes = -1;
    this.#bodyLeft = this.#length;
    return this.#length === 0;
  }
}
