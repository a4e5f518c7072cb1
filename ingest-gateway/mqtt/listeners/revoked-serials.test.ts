import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeCertificate, makeRevocations } from '#services/certificates.ts';
import { pemBlocks } from './pem-blocks.ts';
import { revokedSerials } from './revoked-serials.ts';

it('names the certificates that were revoked, of several lists, and only them', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'revoked-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const names = Array.from({ length: 12 }, (_, i) => `dev-${i}`);
  const serial = (name: string): string =>
    execFileSync('openssl', ['x509', '-noout', '-serial', '-in', `${name}.crt`], {
      cwd: folder,
      encoding: 'utf8',
    })
      .trim()
      .replace('serial=', '')
      .replace(/^(00)+(?=..)/, '');
  for (const authority of ['one', 'two']) makeCertificate(folder, authority, { subjectAltName: 'DNS:x' });
  for (const [i, name] of names.entries())
    makeCertificate(folder, name, { subjectAltName: 'DNS:x', authority: i % 2 === 0 ? 'one' : 'two' });
  makeRevocations(folder, 'one', ['dev-0', 'dev-2', 'dev-4']);
  makeRevocations(folder, 'two', []);
  const list = (name: string): Buffer => readFileSync(path.join(folder, `${name}.crl`));
  expect(revokedSerials(Buffer.concat([list('two'), list('one')]))).toEqual(
    new Set(['dev-0', 'dev-2', 'dev-4'].map(serial)),
  );
  expect(revokedSerials(list('two'))).toEqual(new Set());
  // Cut anywhere it is none, and no loop.
  const [der] = pemBlocks(list('one'), 'X509 CRL') as [Buffer];
  for (let length = 0; length < der.length; length++) {
    const cut = `-----BEGIN X509 CRL-----\n${der.subarray(0, length).toString('base64')}\n-----END X509 CRL-----`;
    expect(() => revokedSerials(Buffer.from(cut))).toThrow();
  }
});
