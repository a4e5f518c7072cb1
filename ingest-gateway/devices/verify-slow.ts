import { createHash, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto';
import type { SlowHash } from './credential.ts';

/**
 * Whether a password is the one that a slow hash was made from. Takes a core until it is done, as long as `costOf` says, and
 * the time does not depend on where the hashes differ: for a thread of its own (`HashThreads`). The two libraries are loaded by
 * the first hash that needs them: most pipelines have none.
 */
export async function verifySlow(password: Uint8Array, kept: SlowHash): Promise<boolean> {
  switch (kept.algorithm) {
    case 'scrypt':
      return isHash(kept, (salt, length) => {
        const { n, r, p } = kept;
        // What OpenSSL counts; Node's own limit of 32 MiB is too low for some parameters we accept.
        const maxmem = 128 * r * (n + p + 2);
        return scryptSync(password, salt, length, { N: n, r, p, maxmem });
      });
    case 'pbkdf2':
      return isHash(kept, (salt, length) => pbkdf2Sync(password, salt, kept.iterations, length, kept.digest));
    case 'salted-digest':
      return isHash(kept, (salt) => {
        const parts = kept.saltPosition === 'prefix' ? [salt, password] : [password, salt];
        return createHash(kept.digest).update(Buffer.concat(parts)).digest();
      });
    case 'bcrypt':
      return (await import('@node-rs/bcrypt')).verifySync(password, kept.hash);
    case 'argon2':
      return (await import('@node-rs/argon2')).verifySync(kept.hash, password);
  }
}

function isHash(
  { hash, salt }: { readonly hash: string; readonly salt: string },
  derive: (salt: Buffer, length: number) => Buffer,
): boolean {
  const expected = Buffer.from(hash, 'base64');
  const actual = derive(Buffer.from(salt, 'base64'), expected.length);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
