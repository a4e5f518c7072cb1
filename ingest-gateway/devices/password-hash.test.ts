import { describe, expect, it } from 'vitest';
import { generatePassword, hashPassword, passwordHashSchema, verifyPassword } from './password-hash.ts';

describe('password hash', () => {
  it('recognises the password it was made from, and no other', async () => {
    const kept = await hashPassword(Buffer.from('correct horse'));
    expect(await verifyPassword(Buffer.from('correct horse'), kept)).toBe(true);
    expect(await verifyPassword(Buffer.from('correct horsf'), kept)).toBe(false);
    expect(await verifyPassword(Buffer.alloc(0), kept)).toBe(false);
  });

  it('gives the same password another salt each time', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => hashPassword(Buffer.from('x'))));
    expect(one?.hash).not.toBe(other?.hash);
  });

  it('keeps its parameters with it', async () => {
    const { password, hash } = await generatePassword();
    expect(passwordHashSchema.parse(hash)).toEqual(hash);
    expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(await verifyPassword(Buffer.from(password), hash)).toBe(true);
    expect(await verifyPassword(Buffer.from(password), { ...hash, n: hash.n * 2 })).toBe(false);
  });

  it('refuses parameters that would cost gigabytes', async () => {
    const hash = await hashPassword(Buffer.from('x'), { n: 2, r: 1, p: 1 });
    for (const wrong of [
      { n: 1 << 24 },
      { n: 1000 },
      { r: 1024 },
      { p: 100 },
      { salt: '' },
      { algorithm: 'md5' },
    ]) {
      expect(passwordHashSchema.safeParse({ ...hash, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
    }
  });
});
