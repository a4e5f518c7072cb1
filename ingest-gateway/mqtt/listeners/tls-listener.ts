import { createServer } from 'node:tls';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { type Arrival, type Listener, type ListenerOptions, listen, prepareSocket } from './listener.ts';
import type { TlsInForce } from './tls-in-force.ts';

/**
 * MQTT over TLS 1.2 or later. With a CA file a client must show a certificate signed by it, whose common name is the
 * device id.
 *
 * @throws PipelineError `configuration` when the port is taken.
 */
export function listenOnTls(
  options: ListenerOptions,
  tls: TlsInForce,
  accept: (arrival: Arrival) => void,
  telemetry: IngestTelemetry,
): Promise<Listener> {
  return listen('MQTT_TLS_PORT', options, telemetry, (addressOf) => {
    const server = createServer({
      ...tls.serverOptions,
      allowHalfOpen: true,
      handshakeTimeout: options.limits.connectMs,
    });
    tls.serve(server);
    server.on('secureConnection', (socket) => {
      prepareSocket(socket);
      accept({ stream: socket, certificate: tls.certificateOf(socket), address: addressOf(socket) });
    });
    server.on('tlsClientError', (error, socket) => {
      telemetry.refused('tls-handshake', undefined, describeError(error));
      socket.destroy();
    });
    return server;
  });
}
