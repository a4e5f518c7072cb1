import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { MqttTlsSettings } from '#runtime/settings.ts';

export type TlsFiles = Pick<MqttTlsSettings, 'certFile' | 'keyFile' | 'caFile'>;

/** What the files hold, for `createServer` and `setSecureContext`. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who signs the certificates of devices. */
  readonly ca?: Buffer;
  readonly minVersion: 'TLSv1.2';
}

/** @throws PipelineError `configuration`: files are unreadable or no PEM, or the key is not that of the certificate. */
export function readTlsFiles({ certFile, keyFile, caFile }: TlsFiles): TlsIdentity {
  const problems: string[] = [];
  const read = (variable: string, file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      problems.push(`${variable}: expected a readable PEM file: ${describeError(error)}`);
      return Buffer.of();
    }
  };
  const identity: TlsIdentity = {
    cert: read('MQTT_TLS_CERT_FILE', certFile),
    key: read('MQTT_TLS_KEY_FILE', keyFile),
    ...(caFile !== undefined && { ca: read('MQTT_TLS_CA_FILE', caFile) }),
    minVersion: 'TLSv1.2',
  };
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
  try {
    createSecureContext(identity);
    // TLS would take a file without any certificate, and then trust nobody.
    if (identity.ca !== undefined) new X509Certificate(identity.ca);
  } catch (cause) {
    throw new PipelineError(
      'configuration',
      `MQTT_TLS_CERT_FILE, MQTT_TLS_KEY_FILE, MQTT_TLS_CA_FILE: expected PEM files that belong together: ${describeError(cause)}`,
      { cause },
    );
  }
  return identity;
}

/** The end of the validity of the server's own certificate, the first in its file. */
export function expiryOf({ cert }: TlsIdentity): Date {
  return new X509Certificate(cert).validToDate;
}
