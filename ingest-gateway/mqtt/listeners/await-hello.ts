import { Socket } from 'node:net';

/** Less than the smallest buffer that Node makes (1 KiB), so that a piece does not fill it. */
const PIECE_BYTES = 1_000;

export interface HelloEvents {
  /** Its first bytes are there to be read, or it ended without any. */
  readonly begin: () => void;
  /** It is gone, or said nothing in time and has to go. */
  readonly failed: (error: Error) => void;
}

/**
 * Waits with TLS until the client begins to speak, and lets its first bytes be read in small pieces: by so much a connection
 * that is idle holds less. Node reads what is encrypted into a buffer that stays as long as the connection, and is as large as
 * the first read that it was made for: 64 KiB where the operating system is read, 1 KiB where it is a piece that has come
 * already. When that one is filled Node puts another of 16 KiB beside it, so that whoever sends much is read as before.
 */
export function awaitHello(socket: Socket, withinMs: number, { begin, failed }: HelloEvents): void {
  const stopWaiting = (): void => {
    socket.setTimeout(0, late).off('error', failed).off('readable', ready);
  };
  const late = (): void => failed(new Error('no TLS handshake in time'));
  const ready = (): void => {
    stopWaiting();
    socket.read = readPiece;
    begin();
  };
  if (socket.readableLength > 0) ready();
  else socket.setTimeout(withinMs, late).on('error', failed).on('readable', ready);
}

/** One for all sockets. Whoever asks for a number, as the stream asks itself for 0, gets that. */
function readPiece(this: Socket, size = Math.min(this.readableLength, PIECE_BYTES)): unknown {
  return Socket.prototype.read.call(this, size);
}
