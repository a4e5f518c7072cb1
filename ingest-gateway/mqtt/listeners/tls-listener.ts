import { createServer } from 'node:tls';
import { FileChanges } from '#ingest-gateway/file-changes.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { type Arrival, type Listener, type ListenerOptions, listen, prepareSocket } from './listener.ts';
import { sourceOf } from './source-of.ts';
import { expiryOf, readTlsFiles, type TlsFiles } from './tls-files.ts';

/**
 * MQTT over TLS 1.2 or later. With a CA file a client must show a certificate signed by it, whose common name is the
 * device id.
 *
 * The files are read again when they change, for the connections that come then: a renewed certificate needs no
 * restart. While they cannot be used (half written, or the new certificate is there and its key is not yet), those
 * loaded before stay in force.
 *
 * @throws PipelineError `configuration`: a file is unreadable or no PEM, the key does not fit, the port is taken.
 */
export async function listenOnTls(
  options: ListenerOptions & { readonly filePollMs?: number | undefined },
  files: TlsFiles,
  accept: (arrival: Arrival) => void,
  telemetry: IngestTelemetry,
): Promise<Listener> {
  const { certFile, keyFile, caFile } = files;
  const changes = new FileChanges([certFile, keyFile, ...(caFile === undefined ? [] : [caFile])]);
  const identity = readTlsFiles(files);
  const server = createServer({
    ...identity,
    allowHalfOpen: true,
    handshakeTimeout: options.limits.connectMs,
    requestCert: caFile !== undefined,
    rejectUnauthorized: caFile !== undefined,
  });
  telemetry.certificateLoaded(certFile, expiryOf(identity));
  server.on('secureConnection', (socket) => {
    prepareSocket(socket);
    // An empty name is no device id and is refused, rather than taken for "no certificate asked for".
    const name = caFile === undefined ? undefined : (socket.getPeerCertificate().subject?.CN ?? '');
    const certificateName = Array.isArray(name) ? '' : name;
    accept({ stream: socket, certificateName, address: sourceOf(socket.remoteAddress) });
  });
  server.on('tlsClientError', (error, socket) => {
    telemetry.refused('tls-handshake', undefined, describeError(error));
    socket.destroy();
  });
  const listener = await listen(server, 'MQTT_TLS_PORT', options, telemetry);
  changes.watch(() => {
    try {
      const renewed = readTlsFiles(files);
      server.setSecureContext(renewed);
      telemetry.certificateLoaded(certFile, expiryOf(renewed));
    } catch (error) {
      telemetry.certificateUnusable(describeError(error));
    }
  }, options.filePollMs);
  return {
    port: listener.port,
    close: () => {
      changes[Symbol.dispose]();
      listener.close();
    },
  };
}
