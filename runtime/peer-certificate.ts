import type { X509Certificate } from 'node:crypto';
import { type PeerCertificate, TLSSocket } from 'node:tls';

/**
 * Common names in the subject of a certificate, in their order.
 *
 * @param certificate as `getPeerX509Certificate` gives it, which writes an attribute a line, those of one set on one line
 *   with ` + ` between them, and escapes what is special as RFC 2253 does.
 */
export function commonNamesOf({ subject }: X509Certificate): readonly string[] {
  // An empty one is undefined, other than its type says.
  return ((subject as string | undefined) ?? '')
    .split(/\n| \+ /)
    .filter((attribute) => attribute.startsWith('CN='))
    .map((attribute) => attribute.slice('CN='.length).replaceAll(ESCAPED, unescaped));
}

const ESCAPED = /\\([0-9A-F]{2}|.)/g;
const unescaped = (_: string, what: string): string =>
  what.length === 1 ? what : String.fromCharCode(Number.parseInt(what, 16));

/**
 * Node 24 ends the process (SIGSEGV, seen from 24.17 to 24.21) where it makes the older form of a certificate whose key lies on
 * a curve that NIST has no name for: brainpool, secp256k1. It makes it of whatever the other side shows, trusted or not, when
 * it is asked for it, and its own TLS clients ask for it to compare the name of the server (`tls.checkServerIdentity`). So
 * they get what they compare, from the newer form.
 */
TLSSocket.prototype.getPeerCertificate = function (this: TLSSocket): PeerCertificate {
  const certificate = this.getPeerX509Certificate();
  if (certificate === undefined) return {} as PeerCertificate;
  const { subjectAltName: subjectaltname, raw } = certificate;
  return { subject: { CN: commonNamesOf(certificate) }, subjectaltname, raw } as unknown as PeerCertificate;
} as TLSSocket['getPeerCertificate'];
