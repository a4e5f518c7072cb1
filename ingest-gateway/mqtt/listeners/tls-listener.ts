import { createServer } from 'node:tls';
import { type Arrival, type Listener, type ListenerOptions, type ListenerParts, listen } from './listener.ts';
import type { TlsInForce } from './tls-in-force.ts';
import { watchHandshakes } from './watch-handshakes.ts';

/**
 * MQTT over TLS 1.2 or later. With a CA file a client must show a certificate signed by it, whose common name is the
 * device id.
 *
 * @throws PipelineError `configuration` when the port is taken.
 */
export function listenOnTls(
  options: ListenerOptions,
  tls: TlsInForce,
  parts: ListenerParts,
  accept: (arrival: Arrival) => void,
): Promise<Listener> {
  const { telemetry } = parts;
  return listen('tls', options, parts, (guests) => {
    const server = createServer({
      ...tls.serverOptions,
      handshakeTimeout: options.limits.connectMs,
      // Judged below: Node would end the connection without a word about whose certificate it was.
      rejectUnauthorized: false,
    });
    tls.serve(server);
    server.on('secureConnection', (socket) => {
      const address = guests.addressOf(socket);
      const certificate = tls.certificateOf(socket);
      if (certificate === undefined || socket.authorized) {
        accept({ stream: socket, certificate, address, ...guests.of(socket) });
      } else {
        const deviceId = certificate.name.slice(0, 64) || undefined;
        const detail = deviceId === undefined ? 'no certificate' : String(socket.authorizationError);
        telemetry.refused({ reason: 'tls-handshake', deviceId, address, detail });
        socket.destroy();
      }
    });
    return watchHandshakes(server, guests, telemetry, options.limits);
  });
}
