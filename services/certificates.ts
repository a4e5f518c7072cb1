import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

export interface CertificateOptions {
  /** Default: the name of the files. */
  readonly commonName?: string;
  /** Such as `DNS:localhost` or `IP:127.0.0.1`. */
  readonly subjectAltName: string;
  /** Name of the certificate that signs it; default: itself. */
  readonly authority?: string | undefined;
  /** Such as `serverAuth`; default: for everything. */
  readonly extendedKeyUsage?: string | undefined;
  /** Of its key, as openssl names it; default `prime256v1`. */
  readonly curve?: string;
  /** How long it is valid; default 1. */
  readonly days?: number;
}

/** Makes `<name>.crt` and `<name>.key` in `folder`, PEM. Needs openssl. */
export function makeCertificate(folder: string, name: string, options: CertificateOptions): void {
  const {
    commonName = name,
    subjectAltName,
    authority,
    extendedKeyUsage,
    curve = 'prime256v1',
    days = 1,
  } = options;
  const key = ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes', '-keyout', `${name}.key`];
  const subject = [
    '-utf8',
    '-multivalue-rdn',
    '-subj',
    `/CN=${commonName}`,
    '-addext',
    `subjectAltName=${subjectAltName}`,
  ];
  const usage = extendedKeyUsage === undefined ? [] : ['-addext', `extendedKeyUsage=${extendedKeyUsage}`];
  // Without the second, openssl makes an authority of each; rustls takes none of those for a server.
  const signer =
    authority === undefined
      ? []
      : [
          '-CA',
          `${authority}.crt`,
          '-CAkey',
          `${authority}.key`,
          '-addext',
          'basicConstraints=critical,CA:FALSE',
        ];
  const args = [
    'req',
    '-x509',
    ...key,
    ...subject,
    ...usage,
    ...signer,
    '-days',
    String(days),
    '-out',
    `${name}.crt`,
  ];
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

/** Makes `<authority>.crl`: the list of those of these certificates that it revoked. Needs openssl. */
export function makeRevocations(folder: string, authority: string, revoked: readonly string[]): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  writeFileSync(path.join(folder, 'index.txt'), '');
  writeFileSync(path.join(folder, 'number'), '01');
  writeFileSync(
    path.join(folder, 'ca.cnf'),
    '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=1\n',
  );
  const signer = ['-config', 'ca.cnf', '-cert', `${authority}.crt`, '-keyfile', `${authority}.key`];
  for (const name of revoked) openssl('ca', ...signer, '-revoke', `${name}.crt`);
  openssl('ca', ...signer, '-gencrl', '-out', `${authority}.crl`);
}
