import { readFileSync } from 'node:fs';
import { createServer, type TlsOptions } from 'node:tls';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { MqttTlsSettings } from '#runtime/settings.ts';
import type { Arrival } from './connection.ts';
import { type Listener, type ListenerOptions, listen, prepareSocket } from './tcp-listener.ts';

/**
 * MQTT over TLS 1.2 or later. With a CA file a client must show a certificate signed by it, whose common name is the
 * device id.
 *
 * @throws PipelineError `configuration`: a file is unreadable or no PEM, the key does not fit, the port is taken.
 */
export async function listenOnTls(
  options: ListenerOptions,
  files: Pick<MqttTlsSettings, 'certFile' | 'keyFile' | 'caFile'>,
  accept: (arrival: Arrival) => void,
  telemetry: IngestTelemetry,
): Promise<Listener> {
  const { caFile } = files;
  const tls: TlsOptions = {
    cert: readPem('MQTT_TLS_CERT_FILE', files.certFile),
    key: readPem('MQTT_TLS_KEY_FILE', files.keyFile),
    minVersion: 'TLSv1.2',
    handshakeTimeout: options.limits.connectMs,
    ...(caFile !== undefined && {
      ca: readPem('MQTT_TLS_CA_FILE', caFile),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  };
  const server = createTlsServer(tls);
  server.on('secureConnection', (socket) => {
    prepareSocket(socket);
    // An empty name is no device id and is refused, rather than taken for "no certificate asked for".
    const name = caFile === undefined ? undefined : (socket.getPeerCertificate().subject?.CN ?? '');
    accept({ stream: socket, certificateName: Array.isArray(name) ? '' : name });
  });
  server.on('tlsClientError', (error, socket) => {
    telemetry.refused('tls-handshake', undefined, describeError(error));
    socket.destroy();
  });
  return listen(server, 'MQTT_TLS_PORT', options, telemetry);
}

function createTlsServer(tls: TlsOptions): ReturnType<typeof createServer> {
  try {
    return createServer(tls);
  } catch (cause) {
    throw new PipelineError(
      'configuration',
      `MQTT_TLS_CERT_FILE, MQTT_TLS_KEY_FILE, MQTT_TLS_CA_FILE: expected PEM files that belong together: ${describeError(cause)}`,
      { cause },
    );
  }
}

function readPem(variable: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new PipelineError(
      'configuration',
      `${variable}: expected a readable PEM file: ${describeError(cause)}`,
      {
        cause,
      },
    );
  }
}
