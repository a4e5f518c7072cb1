import { X509Certificate } from 'node:crypto';
import { pemBlocks } from './pem-blocks.ts';
import { revokedSerials } from './revoked-serials.ts';

/** A chain that is longer is none. */
const LONGEST_CHAIN = 10;

/**
 * Whether a certificate that was accepted before leads to one of the authorities, and neither it nor one on the way was
 * revoked. For connections that exist: TLS itself judges new ones, in full.
 *
 * @param certificate with the chain that its owner sent.
 */
export function isTrusted(
  certificate: X509Certificate,
  { ca, crl }: { readonly ca?: Buffer | undefined; readonly crl?: readonly string[] | undefined },
): boolean {
  if (ca === undefined) return false;
  const authorities = pemBlocks(ca, 'CERTIFICATE').map((der) => new X509Certificate(der));
  const revoked = crl === undefined ? new Set<string>() : revokedSerials(Buffer.from(crl.join('')));
  let link: X509Certificate | undefined = certificate;
  for (let length = 0; link !== undefined && length < LONGEST_CHAIN; length++) {
    const current: X509Certificate = link;
    if (revoked.has(current.serialNumber.toUpperCase())) return false;
    const isSigned = authorities.some(
      (authority) =>
        authority.fingerprint256 === current.fingerprint256 ||
        (current.checkIssued(authority) && current.verify(authority.publicKey)),
    );
    if (isSigned) return true;
    link = current.issuerCertificate;
  }
  return false;
}
