import { describe, expect, it } from 'vitest';
import { passwordHashSchema } from './credential.ts';
import { generatePassword, hashPassword, verifyFast } from './password-hash.ts';
import { verifySlow } from './verify-slow.ts';

describe('password hash', () => {
  it('recognises the password it was made from, and no other', async () => {
    const kept = await hashPassword(Buffer.from('correct horse'));
    expect(await verifySlow(Buffer.from('correct horse'), kept)).toBe(true);
    expect(await verifySlow(Buffer.from('correct horsf'), kept)).toBe(false);
    expect(await verifySlow(Buffer.alloc(0), kept)).toBe(false);
  });

  it('gives the same password another salt each time', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => hashPassword(Buffer.from('x'))));
    expect(one?.hash).not.toBe(other?.hash);
  });

  it('keeps its parameters with it', async () => {
    const hash = await hashPassword(Buffer.from('correct horse'));
    expect(passwordHashSchema.parse(hash)).toEqual(hash);
    expect(await verifySlow(Buffer.from('correct horse'), { ...hash, n: hash.n * 2 })).toBe(false);
  });

  it('of a generated password is fast, and right for no other', () => {
    const { password, hash } = generatePassword();
    expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(passwordHashSchema.parse(hash)).toEqual(hash);
    expect(verifyFast(Buffer.from(password), hash)).toBe(true);
    for (const wrong of ['', password.slice(1), `${password}x`, generatePassword().password])
      expect(verifyFast(Buffer.from(wrong), hash)).toBe(false);
    expect(verifyFast(Buffer.from(password), { ...hash, salt: generatePassword().hash.salt })).toBe(false);
  });

  it('refuses parameters that would cost gigabytes', async () => {
    const hash = await hashPassword(Buffer.from('x'), { n: 2, r: 1, p: 1 });
    for (const wrong of [
      { n: 1 << 24 },
      { n: 1000 },
      { r: 1024 },
      { p: 100 },
      { salt: '' },
      { salt: Buffer.alloc(7).toString('base64') },
      { hash: Buffer.alloc(15).toString('base64') },
      { algorithm: 'md5' },
    ]) {
      expect(passwordHashSchema.safeParse({ ...hash, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
    }
  });
});
