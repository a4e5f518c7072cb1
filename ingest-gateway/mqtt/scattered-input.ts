import type { Duplex } from 'node:stream';

/**
 * Pieces that a stream may hold: a TLS record, a TCP segment or a WebSocket message is one, and may be one byte long. Beyond,
 * its source is told to stop as if the stream held all that it may; what comes of the same read still comes.
 */
const FEW_PIECES = 64;
/** Memory of a piece besides its bytes. Measured 225. */
const PIECE_BYTES = 256;

interface StreamInternals {
  /** Pieces, from `bufferIndex` on. Node tells nobody. */
  readonly _readableState: { readonly buffer: readonly unknown[]; readonly bufferIndex: number };
}

function piecesIn(stream: Duplex): number {
  const { buffer, bufferIndex } = (stream as unknown as StreamInternals)._readableState;
  return buffer.length - bufferIndex;
}

export function isScattered(stream: Duplex): boolean {
  return piecesIn(stream) > FEW_PIECES;
}

/** Memory of what the stream holds. */
export function unreadMemoryOf(stream: Duplex): number {
  return stream.readableLength + PIECE_BYTES * piecesIn(stream);
}

/** @param onScattered there is another piece, of too many */
export function stopWhenScattered(stream: Duplex, onScattered: () => void): void {
  const push = stream.push;
  stream.push = (chunk, encoding) => {
    const isMoreWanted = push.call(stream, chunk, encoding);
    if (!isScattered(stream)) return isMoreWanted;
    onScattered();
    return false;
  };
}
