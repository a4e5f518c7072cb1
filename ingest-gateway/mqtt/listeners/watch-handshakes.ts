import type { Socket } from 'node:net';
import { getDefaultHighWaterMark, setDefaultHighWaterMark } from 'node:stream';
import type { Server, TLSSocket } from 'node:tls';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { awaitHello } from './await-hello.ts';
import type { Guests, Peer } from './guests.ts';

/**
 * Tells of every handshake that fails, why, and where it came from. A client that ends its side within its handshake has
 * failed, at once; one that was let in may end it and still read its acknowledgements.
 *
 * @param limits how long a client may take to begin its handshake (how long all of it may, is the server's), and how much of
 *   what it sends is read ahead: a TLS server has no option for that.
 * @returns takes an accepted socket
 */
export function watchHandshakes(
  server: Server,
  guests: Guests,
  telemetry: IngestTelemetry,
  { connectMs, readAheadBytes }: Pick<GatewayLimits, 'connectMs' | 'readAheadBytes'>,
): (socket: Socket) => void {
  const failed = (socket: Socket, peer: Peer, detail: string): void => {
    if (guests.isTurnedAway(peer)) return;
    const address = guests.addressOf(peer);
    telemetry.refused({ reason: 'tls-handshake', deviceId: undefined, address, detail });
    socket.destroy();
  };
  server.on('tlsClientError', (error, socket) => {
    const peer = socket.remoteAddress === undefined ? beneath(socket) : socket;
    // Of a certificate that was not accepted Node says "socket hang up", and why it was not beside it.
    failed(socket, peer, String(socket.authorizationError ?? describeError(error)));
  });
  server.prependListener('secureConnection', (socket) => {
    socket.allowHalfOpen = true;
  });
  return (socket) => {
    // The TLS socket takes it over from the one beneath, whatever the server's options say.
    socket.allowHalfOpen = false;
    awaitHello(socket, connectMs, {
      begin: () => {
        const usual = getDefaultHighWaterMark(false);
        setDefaultHighWaterMark(false, readAheadBytes);
        try {
          server.emit('connection', socket);
        } finally {
          setDefaultHighWaterMark(false, usual);
        }
      },
      failed: (error) => failed(socket, socket, describeError(error)),
    });
  };
}

/** The accepted socket, on which the TLS one stands: private, and needed for nothing but an address to show. */
function beneath(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent?: Socket })._parent ?? socket;
}
