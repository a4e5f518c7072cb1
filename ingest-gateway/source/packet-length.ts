/** A length takes at most four bytes (MQTT 3.1.1, 2.2.3; MQTT 5, 1.5.5). */
const MOST_BYTES = 4;

/** A length as it stands in a packet: of the rest of it, or of its properties. */
export interface PacketLength {
  /** That it takes itself. */
  readonly bytes: number;
  /** Of what follows. */
  readonly length: number;
}

/**
 * The length that stands there; `undefined` when its end is not there yet.
 *
 * @throws Error: it has no end.
 */
export function readLength(input: Buffer, at: number): PacketLength | undefined {
  let length = 0;
  for (let index = 0, factor = 1; index < MOST_BYTES; index++, factor *= 0x80) {
    const byte = input[at + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * factor;
    if (byte < 0x80) return { bytes: index + 1, length };
  }
  throw new Error('the length of a packet has more than four bytes');
}

export function lengthBytes(length: number): Buffer {
  const encoded: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 7) encoded.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.from(encoded);
}
