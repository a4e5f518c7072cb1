import { type PacketBoundaries, SLICE_BYTES } from './packet-boundaries.ts';

const NOTHING = Buffer.alloc(0);

/**
 * What a connection had received, and its gate had not handed on, when its stream was closed. It comes in slices as through the
 * gate, or is passed over.
 */
export class UnreadRest {
  readonly #boundaries: PacketBoundaries;
  readonly #readAll: () => Buffer | null;
  readonly #onLeft: (bytes: number) => void;
  /** From the first slice on: thousands may wait for their turn, each in the pieces in which it came. */
  #bytes: Buffer | undefined;

  /**
   * @param boundaries as they stand at its beginning
   * @param onLeft so many bytes are still held
   */
  constructor(boundaries: PacketBoundaries, readAll: () => Buffer | null, onLeft: (bytes: number) => void) {
    this.#boundaries = boundaries;
    this.#readAll = readAll;
    this.#onLeft = onLeft;
  }

  /** What was read or passed over last ended with a packet. */
  get isBetweenPackets(): boolean {
    return this.#boundaries.areBetweenPackets;
  }

  /** The next slice; `null` = there is no more. @param packets in it at most */
  take(packets: number): Buffer | null {
    const bytes = this.#all();
    if (bytes.length === 0) return null;
    const end = this.#boundaries.take(bytes.subarray(0, SLICE_BYTES), packets);
    this.#keep(bytes.subarray(end));
    return bytes.subarray(0, end);
  }

  /** Instead of taking it. @param onPacket as in {@link PacketBoundaries.passOver} */
  passOver(onPacket: (firstByte: number) => boolean): void {
    this.#boundaries.passOver(this.#all(), onPacket);
    this.letGo();
  }

  /** Nobody asks for it any more. */
  letGo(): void {
    this.#keep(NOTHING);
  }

  #all(): Buffer {
    this.#bytes ??= this.#readAll() ?? NOTHING;
    return this.#bytes;
  }

  #keep(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#onLeft(bytes.length);
  }
}
