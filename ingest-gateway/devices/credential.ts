import { z } from 'zod';
import { type DeviceTerms, deviceTerms } from './device-terms.ts';
import { argon2Schema, bcryptSchema, pbkdf2Schema, saltedDigestSchema } from './foreign-hash.ts';
import { fastHashSchema, scryptSchema } from './password-hash.ts';

/** A password as it is kept; which kind it is stands in it. */
export const passwordHashSchema = z.discriminatedUnion('algorithm', [
  fastHashSchema,
  scryptSchema,
  pbkdf2Schema,
  saltedDigestSchema,
  bcryptSchema,
  argon2Schema,
]);
export type PasswordHash = Readonly<z.infer<typeof passwordHashSchema>>;
/** One that a person may have chosen, and whose check may cost something. */
export type SlowHash = Exclude<PasswordHash, { readonly algorithm: 'hmac-sha256' }>;

/** The device proves itself by something else, a certificate; or, where anybody is let in, not at all. */
const noPasswordSchema = z.strictObject({ algorithm: z.literal('none') });

const beside = {
  ...deviceTerms,
  /** The password before this one (`devices rotate`), which works until then. */
  previous: z.strictObject({ until: z.iso.datetime(), password: passwordHashSchema }).optional(),
};

/** What the file says about a device that may connect. */
export const credentialSchema = z.discriminatedUnion('algorithm', [
  noPasswordSchema.extend(deviceTerms),
  fastHashSchema.extend(beside),
  scryptSchema.extend(beside),
  pbkdf2Schema.extend(beside),
  saltedDigestSchema.extend(beside),
  bcryptSchema.extend(beside),
  argon2Schema.extend(beside),
]);

/** A device with a password, and what stands beside it. */
export type PasswordCredential = PasswordHash &
  DeviceTerms & {
    readonly previous?: { readonly until: string; readonly password: PasswordHash } | undefined;
  };
export type DeviceCredential =
  | (Readonly<z.infer<typeof noPasswordSchema>> & DeviceTerms)
  | PasswordCredential;

/** What the file says about a device. One that was revoked stays in it, or it could come back without a password. */
export type Credential = DeviceCredential | 'revoked';

export function hasPassword(entry: Credential | undefined): entry is PasswordCredential {
  return entry !== undefined && entry !== 'revoked' && entry.algorithm !== 'none';
}

/** The credential as it holds at a time: without a former password whose time is over. The same object, if nothing is. */
export function inForceAt(credential: PasswordCredential, now: number): PasswordCredential {
  const { previous, ...withoutPrevious } = credential;
  const isOver = previous !== undefined && Date.parse(previous.until) <= now;
  return isOver ? (withoutPrevious as PasswordCredential) : credential;
}

/** The hash alone, without what stands beside it. */
export function passwordOf(credential: PasswordCredential): PasswordHash {
  return Object.fromEntries(Object.entries(credential).filter(([key]) => !(key in beside))) as PasswordHash;
}

export function isSlow(kept: PasswordHash): kept is SlowHash {
  return kept.algorithm !== 'hmac-sha256';
}

/** What makes the check of a hash as costly as it is, as a key: hashes with the same one take the same time. */
export function costOf(kept: SlowHash): string {
  switch (kept.algorithm) {
    case 'bcrypt':
      return kept.hash.slice(0, '$2b$12'.length);
    case 'argon2':
      return kept.hash.split('$', 4).join('$');
    default: {
      const { salt: _salt, hash: _hash, ...cost } = kept;
      return JSON.stringify(cost);
    }
  }
}
