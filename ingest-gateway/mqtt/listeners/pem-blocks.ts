type PemLabel = 'CERTIFICATE' | 'X509 CRL';

/** One block in PEM, as it stands in a file. */
export function pemOf(der: Buffer, label: PemLabel): string {
  const body = der.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
}

/** The contents (DER) of the blocks with this label, in their order. */
export function pemBlocks(pem: Buffer, label: PemLabel): Buffer[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, 'g');
  return Array.from(pem.toString('latin1').matchAll(pattern), ([, body]) =>
    Buffer.from(body as string, 'base64'),
  );
}
