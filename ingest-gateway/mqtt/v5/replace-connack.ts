import type { Writable } from 'node:stream';

/** The CONNACK of MQTT 3.1.1, which aedes writes in several pieces. */
const CONNACK_BYTES = 4;

/**
 * Writes `connack` in the place of the CONNACK that aedes writes next: the one packet that it answers to a client of
 * MQTT 5, and there is no hook for it.
 */
export function replaceConnack(stream: Writable, connack: Uint8Array): void {
  const write = stream.write;
  let left = CONNACK_BYTES;
  const swallow = (piece: Uint8Array): boolean => {
    left -= piece.length;
    if (left > 0) return true;
    stream.write = write;
    return stream.writable && stream.write(connack);
  };
  stream.write = swallow as typeof stream.write;
}
