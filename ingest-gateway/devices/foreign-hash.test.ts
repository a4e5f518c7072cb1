import { createHash, pbkdf2Sync } from 'node:crypto';
import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { describe, expect, it } from 'vitest';
import { credentialSchema, type PasswordHash, passwordHashSchema } from './credential.ts';
import { type ForeignHash, isGuessedFast } from './foreign-hash.ts';
import { verifySlow } from './verify-slow.ts';

const PASSWORD = 'correct horse';
const base64 = (text: string, encoding: 'hex' | 'utf8') => Buffer.from(text, encoding).toString('base64');

/** Made by the brokers' own tools, or by a library that is not ours, from `PASSWORD`. */
const KINDS: Readonly<Record<string, () => Promise<ForeignHash> | ForeignHash>> = {
  'mosquitto_passwd of Mosquitto 2.0': () => ({
    algorithm: 'pbkdf2',
    digest: 'sha512',
    iterations: 101,
    salt: '+jnd/OcQJwbyOOtO',
    hash: 'ZJ/Sb331Q581LEY8ljG0A0AALUuWHFtlCRcwU/oSy84uQv9d/u/GNkwjTLCylE0Pq5n8E/Ps9aqgHLwk1x4qzw==',
  }),
  'mosquitto_passwd -H sha512': () => ({
    algorithm: 'salted-digest',
    digest: 'sha512',
    saltPosition: 'suffix',
    salt: 'HHOyvZBPkOHIJnU9',
    hash: 'n7ulIiZszL2Gmr5ZVVLr3bMpETEIm3PpTaxVbPuv0Y/C2zZDHA0vvDxSf7ykSSfh1IofuakUzyC2AMKdQ0vL+w==',
  }),
  'sha256, salt before': () => ({
    algorithm: 'salted-digest',
    digest: 'sha256',
    saltPosition: 'prefix',
    salt: base64('e378187547bf2d6f0545a3f441aa4d8a', 'utf8'),
    hash: createHash('sha256').update(`e378187547bf2d6f0545a3f441aa4d8a${PASSWORD}`).digest('base64'),
  }),
  'pbkdf2 with sha256': () => ({
    algorithm: 'pbkdf2',
    digest: 'sha256',
    iterations: 4096,
    salt: base64('e378187547bf2d6f', 'utf8'),
    hash: pbkdf2Sync(PASSWORD, 'e378187547bf2d6f', 4096, 32, 'sha256').toString('base64'),
  }),
  'bcrypt 2b': async () => ({ algorithm: 'bcrypt', hash: await bcryptAs('2b') }),
  'bcrypt 2a': async () => ({ algorithm: 'bcrypt', hash: await bcryptAs('2a') }),
  'bcrypt 2y': async () => ({ algorithm: 'bcrypt', hash: await bcryptAs('2y') }),
  argon2id: async () => ({
    algorithm: 'argon2',
    hash: await argon2(PASSWORD, { memoryCost: 32, timeCost: 1, parallelism: 1 }),
  }),
};

describe("other brokers' hashes", () => {
  it.each(Object.keys(KINDS))('%s: lets in the password it was made from, and no other', async (name) => {
    const hash = await (KINDS[name] as () => Promise<ForeignHash>)();
    expect(passwordHashSchema.parse(JSON.parse(JSON.stringify(hash)))).toEqual(hash);
    expect(await verifySlow(Buffer.from(PASSWORD), hash)).toBe(true);
    for (const wrong of ['', 'correct hors', 'correct horse ', 'correct horsf'])
      expect(await verifySlow(Buffer.from(wrong), hash)).toBe(false);
  });

  it('[P10] are refused when a check would cost more than a login may, or when they were cut', async () => {
    const salt = base64('0123456789abcdef', 'hex');
    const hash = Buffer.alloc(32, 1).toString('base64');
    const tail = 'x'.repeat(53);
    const pbkdf2 = { algorithm: 'pbkdf2', digest: 'sha256', iterations: 1000, salt, hash };
    const digest = { algorithm: 'salted-digest', digest: 'sha256', saltPosition: 'prefix', salt, hash };
    const argon = (parameters: string) => ({
      algorithm: 'argon2',
      hash: `$argon2id$v=19$${parameters}$${'a'.repeat(22)}$${'b'.repeat(43)}`,
    });
    const right: object[] = [
      pbkdf2,
      digest,
      { algorithm: 'bcrypt', hash: `$2b$12$${tail}` },
      argon('m=65536,t=3,p=4'),
    ];
    for (const one of right) expect(credentialSchema.safeParse(one).success, JSON.stringify(one)).toBe(true);
    const wrong: object[] = [
      { ...pbkdf2, iterations: 300_001 },
      { ...pbkdf2, digest: 'md5' },
      { ...pbkdf2, salt: '' },
      { ...pbkdf2, hash: Buffer.alloc(15).toString('base64') },
      { ...pbkdf2, hash: Buffer.alloc(129).toString('base64') },
      { ...digest, digest: 'md5' },
      { ...digest, hash: Buffer.alloc(31).toString('base64') },
      { ...digest, saltPosition: 'disable' },
      { algorithm: 'bcrypt', hash: `$2b$13$${tail}` },
      { algorithm: 'bcrypt', hash: `$2x$10$${tail}` },
      { algorithm: 'bcrypt', hash: `$2b$10$${tail.slice(1)}` },
      argon('m=131072,t=1,p=1'),
      argon('m=65536,t=4,p=1'),
      argon('m=19456,t=2,p=5'),
      argon('m=19456,t=2'),
      { algorithm: 'plain', hash: 'secret' },
    ];
    for (const one of wrong) expect(credentialSchema.safeParse(one).success, JSON.stringify(one)).toBe(false);
  });

  it('that are guessed fast from a stolen file are known as such', async () => {
    const fast = await Promise.all(
      Object.entries(KINDS).map(
        async ([name, make]): Promise<[string, PasswordHash]> => [name, await make()],
      ),
    );
    expect(fast.filter(([, hash]) => isGuessedFast(hash)).map(([name]) => name)).toEqual([
      'mosquitto_passwd of Mosquitto 2.0',
      'mosquitto_passwd -H sha512',
      'sha256, salt before',
      'pbkdf2 with sha256',
    ]);
  });
});

/** The versions differ in faults of old implementations, none of which short ASCII passwords meet. */
async function bcryptAs(version: '2a' | '2b' | '2y'): Promise<string> {
  return (await bcrypt(PASSWORD, 4)).replace('$2b$', `$${version}$`);
}
