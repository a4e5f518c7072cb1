import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import type { Guests } from './guests.ts';

/**
 * Tells of every handshake that fails, why, and where it came from. A client that ends its side within its handshake has
 * failed, at once; one that was let in may end it and still read its acknowledgements.
 *
 * @returns takes an accepted socket
 */
export function watchHandshakes(
  server: Server,
  guests: Guests,
  telemetry: IngestTelemetry,
): (socket: Socket) => void {
  server.on('tlsClientError', (error, socket) => {
    const peer = socket.remoteAddress === undefined ? beneath(socket) : socket;
    if (guests.isTurnedAway(peer)) return;
    const address = guests.addressOf(peer);
    // Of a certificate that was not accepted Node says "socket hang up", and why it was not beside it.
    const detail = String(socket.authorizationError ?? describeError(error));
    telemetry.refused({ reason: 'tls-handshake', deviceId: undefined, address, detail });
    socket.destroy();
  });
  server.prependListener('secureConnection', (socket) => {
    socket.allowHalfOpen = true;
  });
  return (socket) => {
    // The TLS socket takes it over from the one beneath, whatever the server's options say.
    socket.allowHalfOpen = false;
    server.emit('connection', socket);
  };
}

/** The accepted socket, on which the TLS one stands: private, and needed for nothing but an address to show. */
function beneath(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent?: Socket })._parent ?? socket;
}
