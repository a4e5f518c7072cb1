import type { RandomStream } from '#simulator/random-stream.ts';
import type { Target } from '#tests/security/attack.ts';

/** One kind of hostile input: what is sent over a connection, from its first byte to its last. */
export interface FuzzSource {
  readonly name: string;
  readonly port: (target: Target) => number;
  /** Pieces in the order in which they are written; each counts as one packet. */
  readonly connection: (random: RandomStream) => Iterable<Buffer>;
}
