import { z } from 'zod';
import { bytes } from './password-hash.ts';

/**
 * Hashes that other brokers made of their devices' passwords: kept as they are, since nobody knows the passwords, and
 * checked like chosen ones. All bounds are such that a check takes about `LIMITS.loginRefusalMs` on a usual machine: wrong
 * logins of all devices are answered as late as the slowest of them.
 */

/** Longer than any that is in use; each is computed again for every check. */
const LONGEST_HASH_BYTES = 128;
const foreignBytes = (least: number) =>
  bytes(least).refine(
    (text) => Buffer.from(text, 'base64').length <= LONGEST_HASH_BYTES,
    `must be at most ${LONGEST_HASH_BYTES} bytes`,
  );

/** RFC 8018: Mosquitto's `$7$`, and EMQX. */
export const pbkdf2Schema = z.strictObject({
  algorithm: z.literal('pbkdf2'),
  digest: z.enum(['sha1', 'sha224', 'sha256', 'sha384', 'sha512']),
  iterations: z.number().int().min(1).max(300_000),
  salt: foreignBytes(4),
  hash: foreignBytes(16),
});

/** One round over password and salt: Mosquitto's `$6$`, and EMQX. Guessed fast by whoever gets hold of the file. */
export const saltedDigestSchema = z.strictObject({
  algorithm: z.literal('salted-digest'),
  digest: z.enum(['sha256', 'sha512']),
  saltPosition: z.enum(['prefix', 'suffix']),
  salt: foreignBytes(4),
  hash: foreignBytes(32),
});

/** `$2b$<cost>$…` (also 2a, 2y). Passwords are cut after 72 bytes, as everywhere with bcrypt. */
export const bcryptSchema = z.strictObject({
  algorithm: z.literal('bcrypt'),
  hash: z
    .string()
    .regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, 'must be a bcrypt hash')
    .refine((hash) => {
      const cost = Number(hash.slice(4, 6));
      return cost >= 4 && cost <= 12;
    }, 'must have a cost of 4 to 12'),
});

/** `$argon2id$v=19$m=…,t=…,p=…$…` (also argon2i, argon2d; RFC 9106): Mosquitto since 2.1. */
export const argon2Schema = z.strictObject({
  algorithm: z.literal('argon2'),
  hash: z
    .string()
    .regex(
      /^\$argon2(id|i|d)\$v=19\$m=\d{1,6},t=\d{1,2},p=\d\$[A-Za-z0-9+/]{11,128}\$[A-Za-z0-9+/]{22,128}$/,
      'must be an argon2 hash of version 19',
    )
    .refine((hash) => {
      const [, m = 0, t = 0, p = 0] = (/m=(\d+),t=(\d+),p=(\d)/.exec(hash) ?? []).map(Number);
      return p >= 1 && p <= 4 && t >= 1 && m >= 8 * p && m <= 65_536 && m * t <= 3 * 65_536;
    }, 'must cost at most 64 MiB, 192 MiB over all passes, and 4 lanes'),
});

export type ForeignHash = Readonly<
  | z.infer<typeof pbkdf2Schema>
  | z.infer<typeof saltedDigestSchema>
  | z.infer<typeof bcryptSchema>
  | z.infer<typeof argon2Schema>
>;

/** Whether one guess costs next to nothing: who reads the file then finds a password that people remember. */
export function isGuessedFast(kept: { readonly algorithm: string; readonly iterations?: number }): boolean {
  return (
    kept.algorithm === 'salted-digest' || (kept.algorithm === 'pbkdf2' && (kept.iterations ?? 0) < 10_000)
  );
}
