import { lengthBytes, type PacketLength, readLength } from './packet-length.ts';

/** One packet as it came, with its fixed header. */
export interface Frame {
  readonly bytes: Buffer;
  /** Bytes that are missing at its end: more than this were not worth keeping. */
  readonly cutBytes: number;
}

const PUBLISH = 3;
/** Type and flags; the length of the rest follows (MQTT 3.1.1, 2.2). */
const TYPE_BYTES = 1;

/**
 * Cuts the input of a connection into packets, and never holds more than one of `packetBytes`. A PUBLISH beyond
 * that is cut: a broker that keeps it sends it again for ever, until it is acknowledged.
 *
 * Two states: *collecting* a packet, and *skipping* the rest of one of which enough was kept (`#cut`); it is handed on
 * when its last byte has passed, so that what comes after it stays after it.
 */
export class PacketFrames {
  /** Of a packet, and of one that is cut what follows its fixed header. */
  readonly #packetBytes: number;
  #chunks: Buffer[] = [];
  #held = 0;
  /** So many bytes must be there before it is worth looking again. */
  #need = 2;
  #cut: Frame | undefined;
  #skip = 0;

  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
  }

  /**
   * The next packet, if it is complete.
   *
   * @throws Error: this is not MQTT, or not worth listening to.
   */
  next(): Frame | undefined {
    if (this.#cut !== undefined) return this.#skipRest(this.#cut);
    if (this.#held < this.#need) return undefined;
    const input = this.#joined();
    const header = readLength(input, TYPE_BYTES);
    if (header === undefined) return this.#wait(input.length + 1);
    const total = TYPE_BYTES + header.bytes + header.length;
    if (header.length > this.#packetBytes) return this.#startCut(input, header);
    if (input.length < total) return this.#wait(total);
    this.#drop(total);
    return { bytes: input.subarray(0, total), cutBytes: 0 };
  }

  #wait(bytes: number): undefined {
    this.#need = bytes;
    return undefined;
  }

  #startCut(input: Buffer, header: PacketLength): Frame | undefined {
    const type = (input[0] as number) >> 4;
    if (type !== PUBLISH) throw new Error(`a packet of type ${type} with ${header.length} bytes`);
    const kept = TYPE_BYTES + header.bytes + this.#packetBytes;
    if (input.length < kept) return this.#wait(kept);
    const bytes = Buffer.concat([
      input.subarray(0, TYPE_BYTES),
      lengthBytes(this.#packetBytes),
      input.subarray(TYPE_BYTES + header.bytes, kept),
    ]);
    this.#skip = header.length - this.#packetBytes;
    this.#cut = { bytes, cutBytes: this.#skip };
    this.#drop(kept);
    return this.#skipRest(this.#cut);
  }

  #skipRest(cut: Frame): Frame | undefined {
    const step = Math.min(this.#skip, this.#held);
    this.#skip -= step;
    if (step > 0) this.#drop(step);
    if (this.#skip > 0) return undefined;
    this.#cut = undefined;
    return cut;
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #drop(bytes: number): void {
    const rest = this.#joined().subarray(bytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    this.#need = 2;
  }
}
