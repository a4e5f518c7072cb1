import { execFileSync } from 'node:child_process';

export interface CertificateOptions {
  /** Default: the name of the files. */
  readonly commonName?: string;
  /** Such as `DNS:localhost` or `IP:127.0.0.1`. */
  readonly subjectAltName: string;
  /** Name of the certificate that signs it; default: itself. */
  readonly authority?: string | undefined;
}

/** Makes `<name>.crt` and `<name>.key` in `folder`, PEM, valid for a day. Needs openssl. */
export function makeCertificate(folder: string, name: string, options: CertificateOptions): void {
  const { commonName = name, subjectAltName, authority } = options;
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  const subject = ['-subj', `/CN=${commonName}`, '-addext', `subjectAltName=${subjectAltName}`];
  const signer = authority === undefined ? [] : ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`];
  const args = ['req', '-x509', ...key, ...subject, ...signer, '-days', '1', '-out', `${name}.crt`];
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}
