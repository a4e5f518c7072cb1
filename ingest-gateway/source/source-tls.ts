import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { SourceSettings } from '#runtime/settings.ts';

/** What a TLS client shows, and whom it trusts. */
export interface SourceTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly minVersion: 'TLSv1.2';
}

/** @throws PipelineError `configuration`: each of the files that cannot be used, one a line, by its variable. */
export function readSourceTls({
  caFile,
  certFile,
  keyFile,
}: Pick<SourceSettings, 'caFile' | 'certFile' | 'keyFile'>): SourceTls {
  const problems: string[] = [];
  const read = <T>(variable: string, file: string | undefined, what: string, parse: (pem: Buffer) => T) => {
    if (file === undefined) return undefined;
    try {
      const pem = readFileSync(file);
      return { pem, parsed: parse(pem) };
    } catch (error) {
      problems.push(`${variable}: expected a readable PEM file with ${what}: ${describeError(error)}`);
      return undefined;
    }
  };
  const certificate = (pem: Buffer): X509Certificate => new X509Certificate(pem);
  const ca = read('MQTT_SOURCE_CA_FILE', caFile, 'certificates', certificate);
  const cert = read('MQTT_SOURCE_CERT_FILE', certFile, 'a certificate', certificate);
  const key = read('MQTT_SOURCE_KEY_FILE', keyFile, 'a private key', (pem) => createPrivateKey(pem));
  if (cert !== undefined && key !== undefined && !cert.parsed.checkPrivateKey(key.parsed))
    problems.push('MQTT_SOURCE_KEY_FILE: expected the key of the certificate in MQTT_SOURCE_CERT_FILE');
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
  return {
    ...(ca && { ca: ca.pem }),
    ...(cert && { cert: cert.pem }),
    ...(key && { key: key.pem }),
    minVersion: 'TLSv1.2',
  };
}
