import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** A password as it is kept: scrypt (RFC 7914) with its parameters, so that they can change without new passwords. */
export const passwordHashSchema = z.strictObject({
  algorithm: z.literal('scrypt'),
  /** Cost: a power of two; memory is 128 × n × r bytes. */
  n: z
    .number()
    .int()
    .min(2)
    .max(1 << 17)
    .refine((n) => (n & (n - 1)) === 0, 'must be a power of two'),
  r: z.number().int().min(1).max(16),
  p: z.number().int().min(1).max(4),
  salt: z.base64().min(1),
  hash: z.base64().min(1),
});
export type PasswordHash = Readonly<z.infer<typeof passwordHashSchema>>;

const HASH_BYTES = 32;
const SALT_BYTES = 16;
const GENERATED_BYTES = 24;
/** A password that a person chose: about 40 ms and 16 MiB a guess. */
const CHOSEN_COST = { n: 1 << 14, r: 8, p: 1 };
/** 192 random bits cannot be guessed at any speed, so a fleet that reconnects need not wait for a slow hash: about 2 ms. */
const GENERATED_COST = { n: 1 << 10, r: 8, p: 1 };

/** A new random password, and the hash to keep. */
export async function generatePassword(): Promise<{
  readonly password: string;
  readonly hash: PasswordHash;
}> {
  const password = randomBytes(GENERATED_BYTES).toString('base64url');
  return { password, hash: await hashPassword(Buffer.from(password), GENERATED_COST) };
}

export async function hashPassword(
  password: Uint8Array,
  cost: { readonly n: number; readonly r: number; readonly p: number } = CHOSEN_COST,
): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, cost);
  return { algorithm: 'scrypt', ...cost, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

/** Hashes on libuv's thread pool; the time does not depend on where the hashes differ. */
export async function verifyPassword(password: Uint8Array, kept: PasswordHash): Promise<boolean> {
  const expected = Buffer.from(kept.hash, 'base64');
  const actual = await derive(password, Buffer.from(kept.salt, 'base64'), expected.length, kept);
  return timingSafeEqual(actual, expected);
}

function derive(
  password: Uint8Array,
  salt: Uint8Array,
  bytes: number,
  { n, r, p }: { readonly n: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // What OpenSSL counts; Node's own limit of 32 MiB is too low for some parameters we accept.
    const maxmem = 128 * r * (n + p + 2);
    scrypt(password, salt, bytes, { N: n, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
