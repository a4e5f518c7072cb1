import { pemBlocks } from './pem-blocks.ts';

const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;

/**
 * The serial numbers in lists of revoked certificates (RFC 5280, 5.1), in hexadecimal as Node writes them. Node takes
 * such lists for handshakes, but tells nobody what is in them.
 *
 * @param crl PEM, one list or several.
 * @throws Error when one of them is no such list.
 */
export function revokedSerials(crl: Buffer): Set<string> {
  const serials = new Set<string>();
  const lists = pemBlocks(crl, 'X509 CRL');
  if (lists.length === 0)
    throw new Error('expected a PEM file with lists of revoked certificates (X509 CRL)');
  for (const list of lists) {
    const [toBeSigned] = elementsOf(only(elementsOf(list), SEQUENCE).content);
    if (toBeSigned?.tag !== SEQUENCE) throw new Error('not a list of revoked certificates');
    const fields = elementsOf(toBeSigned.content);
    // version?, signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, extensions?
    const lastTime = fields.findLastIndex(({ tag }) => tag === UTC_TIME || tag === GENERALIZED_TIME);
    const revoked = fields[lastTime + 1];
    if (lastTime < 0) throw new Error('not a list of revoked certificates');
    if (revoked?.tag !== SEQUENCE) continue;
    for (const entry of elementsOf(revoked.content)) {
      const serial = only(elementsOf(entry.content), INTEGER).content;
      serials.add(
        serial
          .toString('hex')
          .replace(/^(00)+(?=..)/, '')
          .toUpperCase(),
      );
    }
  }
  return serials;
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** What stands one after the other (DER). */
function elementsOf(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const tag = der.readUInt8(at);
    const first = der.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 4) throw new Error('not a list of revoked certificates');
    const length = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
    const start = at + 2 + lengthBytes;
    if (start + length > der.length) throw new Error('not a list of revoked certificates');
    elements.push({ tag, content: der.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

function only([first]: readonly Element[], tag: number): Element {
  if (first?.tag !== tag) throw new Error('not a list of revoked certificates');
  return first;
}
