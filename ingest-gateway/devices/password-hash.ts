import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** Shorter ones have been cut, or were never made by us: a hash of one byte is right for one password in 256. */
export const bytes = (least: number) =>
  z.base64().refine((text) => Buffer.from(text, 'base64').length >= least, `must be at least ${least} bytes`);

/** A password that a person may have chosen: scrypt (RFC 7914) with its parameters, so that they can change. */
export const scryptSchema = z.strictObject({
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
  salt: bytes(8),
  hash: bytes(16),
});

/** A password that we made: what cannot be guessed at any speed needs no slow hash. */
export const fastHashSchema = z.strictObject({
  algorithm: z.literal('hmac-sha256'),
  /** The key of the HMAC. */
  salt: bytes(16),
  hash: bytes(32),
});

export type ScryptHash = Readonly<z.infer<typeof scryptSchema>>;
export type FastHash = Readonly<z.infer<typeof fastHashSchema>>;

/** Of a password that a person chose: what can be guessed in a few thousand tries is none. */
const SHORTEST_PASSWORD = 8;
/** Bytes: a CONNECT has to have room for it. */
const LONGEST_PASSWORD = 1_024;

/** Why a password that somebody chose is not taken, `undefined` when it is. */
export function whyNotPassword(chosen: string): string | undefined {
  if ([...chosen].length < SHORTEST_PASSWORD)
    return `expected a password of at least ${SHORTEST_PASSWORD} characters`;
  if (Buffer.byteLength(chosen) > LONGEST_PASSWORD)
    return `expected a password of at most ${LONGEST_PASSWORD} bytes`;
  return undefined;
}

const HASH_BYTES = 32;
const SALT_BYTES = 16;
const GENERATED_BYTES = 24;
/** About 40 ms and 16 MiB a guess. */
const CHOSEN_COST = { n: 1 << 14, r: 8, p: 1 };

/** A new random password of 192 bits, and the hash to keep: its check takes microseconds, so a fleet may reconnect at once. */
export function generatePassword(): { readonly password: string; readonly hash: FastHash } {
  const password = randomBytes(GENERATED_BYTES).toString('base64url');
  const salt = randomBytes(SALT_BYTES);
  const hash = createHmac('sha256', salt).update(password).digest('base64');
  return { password, hash: { algorithm: 'hmac-sha256', salt: salt.toString('base64'), hash } };
}

export async function hashPassword(
  password: Uint8Array,
  cost: { readonly n: number; readonly r: number; readonly p: number } = CHOSEN_COST,
): Promise<ScryptHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, cost);
  return { algorithm: 'scrypt', ...cost, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

/** The time does not depend on where the hashes differ. */
export function verifyFast(password: Uint8Array, kept: FastHash): boolean {
  const expected = Buffer.from(kept.hash, 'base64');
  const actual = createHmac('sha256', Buffer.from(kept.salt, 'base64')).update(password).digest();
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function derive(
  password: Uint8Array,
  salt: Uint8Array,
  length: number,
  { n, r, p }: { readonly n: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // What OpenSSL counts; Node's own limit of 32 MiB is too low for some parameters we accept.
    const maxmem = 128 * r * (n + p + 2);
    scrypt(password, salt, length, { N: n, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
