/** What came of a packet that is not whole, as mqtt-packet keeps it (the list of pieces of `bl`, private in part), or `ws`. */
export interface HeldInput {
  readonly length: number;
  readonly _bufs: Buffer[];
}

/** Bytes of which one piece may consist, on average, when there are more than a few. */
const BYTES_A_PIECE = 1024;
const FEW_PIECES = 8;

/**
 * Lets held input take about as much memory as it has bytes, which is what it counts for (`MemoryBudget`). A piece costs
 * two hundred bytes, however short: a client that sends each byte in a TCP segment or a TLS record of its own would hold fifty
 * megabytes for one unfinished packet. And what is left of a chunk as it was read from the socket keeps all of its 64 KiB.
 *
 * To be called whenever a chunk was taken. What is copied for it is a few milliseconds in all for the largest packet.
 */
export function holdCompactly(held: HeldInput): void {
  const pieces = held._bufs;
  const newest = pieces.at(-1);
  if (newest === undefined) return;
  if (pieces.length > FEW_PIECES + held.length / BYTES_A_PIECE) {
    pieces.splice(0, pieces.length, ownCopy(pieces, held.length));
    return;
  }
  let first = pieces.length - 1;
  while (pieces[first - 1]?.buffer === newest.buffer) first--;
  const ofChunk = pieces.slice(first);
  const bytes = ofChunk.reduce((sum, { length }) => sum + length, 0);
  if (newest.buffer.byteLength > 2 * bytes) pieces.splice(first, ofChunk.length, ownCopy(ofChunk, bytes));
}

/** Not of the memory that small buffers share: that would be held as well. */
function ownCopy(pieces: readonly Buffer[], length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const piece of pieces) {
    copy.set(piece, at);
    at += piece.length;
  }
  return copy;
}
