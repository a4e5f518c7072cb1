import type { AedesInternals } from './aedes-internals.ts';

/**
 * Lets the parser fail as soon as a packet announces more than `limitBytes()`: aedes has no limit, and would collect up
 * to 256 MB for each connection. Input comes in slices smaller than every limit, so that a packet that is too large is
 * always seen before it is complete.
 */
export function limitPacketSize(
  aedes: AedesInternals,
  limitBytes: () => number,
  onTooLarge: (bytes: number) => void,
): void {
  const parser = aedes._parser;
  const parse = parser.parse;
  parser.parse = (bytes) => {
    const rest = parse.call(parser, bytes);
    const announced = parser.packet.length ?? 0;
    if (announced > limitBytes()) {
      onTooLarge(announced);
      parser.emit('error', new Error('packet too large'));
    }
    return rest;
  };
}
