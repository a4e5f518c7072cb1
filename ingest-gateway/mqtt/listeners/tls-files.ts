import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { MqttTlsSettings } from '#runtime/settings.ts';
import { pemBlocks, pemOf } from './pem-blocks.ts';
import { revokedSerials } from './revoked-serials.ts';

export type TlsFiles = Pick<MqttTlsSettings, 'certFile' | 'keyFile' | 'caFile' | 'crlFile' | 'ciphers'>;

/** What the files hold, for `createServer` and `setSecureContext`. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who signs the certificates of devices. */
  readonly ca?: Buffer;
  /** Which of those certificates are revoked. */
  readonly crl?: string[];
  readonly ciphers: string;
  readonly minVersion: 'TLSv1.2';
}

/**
 * @param ciphers unless the files' settings name others.
 * @throws PipelineError `configuration`: files are unreadable or no PEM, or the key is not that of the certificate.
 */
export function readTlsFiles(files: TlsFiles, ciphers: string): TlsIdentity {
  const { certFile, keyFile, caFile, crlFile } = files;
  const problems = tlsFileProblems({ certFile, keyFile, caFile, crlFile });
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
  const identity: TlsIdentity = {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    // One by one: of a file with several lists, OpenSSL would take the first.
    ...(crlFile !== undefined && {
      crl: pemBlocks(readFileSync(crlFile), 'X509 CRL').map((der) => pemOf(der, 'X509 CRL')),
    }),
    ciphers: files.ciphers ?? ciphers,
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(identity);
  } catch (cause) {
    throw new PipelineError('configuration', `${TOGETHER}: ${describeError(cause)}`, { cause });
  }
  return identity;
}

/** Extended key usage of servers (RFC 5280, 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const TOGETHER =
  'MQTT_TLS_CERT_FILE, MQTT_TLS_KEY_FILE, MQTT_TLS_CA_FILE: expected PEM files that belong together';

/**
 * What is wrong with each of the files, as far as they are given, and, when nothing is, with certificate and key together.
 *
 * @returns one line each, naming its variable.
 */
export function tlsFileProblems(
  files: Readonly<Partial<Record<'certFile' | 'keyFile' | 'caFile' | 'crlFile', string | undefined>>>,
): string[] {
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
  judge('MQTT_TLS_CRL_FILE', files.crlFile, 'lists of revoked certificates', revokedSerials);
  if (cert?.keyUsage !== undefined && !cert.keyUsage.includes(SERVER_AUTH)) {
    problems.push('MQTT_TLS_CERT_FILE: the certificate may not be used by a server (its extended key usage)');
  }
  if (cert !== undefined && key !== undefined && !cert.checkPrivateKey(key)) {
    problems.push(`${TOGETHER}: the key is not that of the certificate`);
  }
  return problems;
}

/** The end of the validity of the first certificate that expires, of all in a file. Milliseconds since the epoch. */
export function firstExpiryIn(pem: Buffer): number {
  const ends = pemBlocks(pem, 'CERTIFICATE').map((der) => new X509Certificate(der).validToDate.getTime());
  return Math.min(...ends);
}
