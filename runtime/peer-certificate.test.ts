import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type CertificateOptions, makeCertificate } from '#services/certificates.ts';
import { commonNamesOf } from './peer-certificate.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'peer-certificate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function made(name: string, options: Partial<CertificateOptions> = {}): { cert: Buffer; key: Buffer } {
  makeCertificate(folder, name, { subjectAltName: 'DNS:localhost', ...options });
  const [cert, key] = ['crt', 'key'].map((kind) => readFileSync(path.join(folder, `${name}.${kind}`)));
  return { cert, key } as { cert: Buffer; key: Buffer };
}

describe('common names of a certificate', () => {
  it.each([
    ['dev-1', ['dev-1']],
    ['a/O=factory/CN=b', ['a', 'b']],
    ['a+O=factory', ['a']],
    ['a\\+b, "c"', ['a+b, "c"']],
    ['größe\u0001', ['größe\u0001']],
  ])('%j', (commonName, names) => {
    expect(commonNamesOf(new X509Certificate(made('named', { commonName }).cert))).toEqual(names);
  });
});

describe('a TLS client, and a server whose key is on any curve', () => {
  async function connected(
    server: { cert: Buffer; key: Buffer },
    host: string,
    ca = server.cert,
  ): Promise<TLSSocket> {
    const listening = createServer(server, (socket) => socket.on('error', () => undefined).resume());
    onTestFinished(() => void listening.close());
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', servername: host, ca });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  }

  it.each(['prime256v1', 'brainpoolP256r1', 'brainpoolP512r1'])('%s', async (curve) => {
    const server = made(curve, { curve });
    expect((await connected(server, 'localhost')).authorized).toBe(true);
    await expect(connected(server, 'elsewhere')).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it('a key on any curve further up', async () => {
    const authority = made('authority', { curve: 'secp256k1' });
    const server = made('signed', { authority: 'authority' });
    const chain = { ...server, cert: Buffer.concat([server.cert, authority.cert]) };
    expect((await connected(chain, 'localhost', authority.cert)).authorized).toBe(true);
  });

  it('is known by its common name where it has no other', async () => {
    const server = made('plain', { commonName: 'localhost', subjectAltName: 'email:a@example.org' });
    expect((await connected(server, 'localhost')).authorized).toBe(true);
    await expect(connected(server, 'elsewhere')).rejects.toThrow();
  });
});
