import { createPrivateKey, X509Certificate } from 'node:crypto';
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
  const problems = tlsFileProblems({ certFile, keyFile, caFile });
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
  const identity: TlsIdentity = {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(identity);
  } catch (cause) {
    throw new PipelineError('configuration', `${TOGETHER}: ${describeError(cause)}`, { cause });
  }
  return identity;
}

const TOGETHER =
  'MQTT_TLS_CERT_FILE, MQTT_TLS_KEY_FILE, MQTT_TLS_CA_FILE: expected PEM files that belong together';

/**
 * What is wrong with each of the files, as far as they are given, and, when nothing is, with certificate and key together.
 *
 * @returns one line each, naming its variable.
 */
export function tlsFileProblems(files: { readonly [Name in keyof TlsFiles]: string | undefined }): string[] {
  const problems: string[] = [];
  const judge = <T>(variable: string, file: string | undefined, what: string, parse: (pem: Buffer) => T) => {
    if (file === undefined) return undefined;
    try {
      return parse(readFileSync(file));
    } catch (error) {
      problems.push(`${variable}: expected a readable PEM file with ${what}: ${describeError(error)}`);
      return undefined;
    }
  };
  const certificate = (pem: Buffer): X509Certificate => new X509Certificate(pem);
  const cert = judge('MQTT_TLS_CERT_FILE', files.certFile, 'a certificate', certificate);
  const key = judge('MQTT_TLS_KEY_FILE', files.keyFile, 'a private key', (pem) => createPrivateKey(pem));
  // TLS itself would take a file without any certificate, and then trust nobody.
  judge('MQTT_TLS_CA_FILE', files.caFile, 'certificates', certificate);
  if (cert !== undefined && key !== undefined && !cert.checkPrivateKey(key)) {
    problems.push(`${TOGETHER}: the key is not that of the certificate`);
  }
  return problems;
}

/** The end of the validity of the server's own certificate, the first in its file. */
export function expiryOf({ cert }: TlsIdentity): Date {
  return new X509Certificate(cert).validToDate;
}
