import { type PasswordHash, passwordHashSchema } from '#ingest-gateway/devices/credential.ts';

/** How a broker made the hashes that do not say it themselves (EMQX writes them in hex, beside their salt). */
export type HashKind =
  | {
      readonly algorithm: 'salted-digest';
      readonly digest: 'sha256' | 'sha512';
      readonly saltPosition: 'prefix' | 'suffix';
    }
  | { readonly algorithm: 'pbkdf2'; readonly digest: string; readonly iterations: number };

export const HASH_KINDS =
  'sha256-prefix, sha256-suffix, sha512-prefix, sha512-suffix (where the salt stands), or pbkdf2-<digest>-<iterations>, as in pbkdf2-sha256-4096';

/** What is not taken over, whoever wrote it: it protects nobody. */
const NO_HASHES: ReadonlyMap<string, string> = new Map([
  ['plain', 'is no hash: give passwords as the column "password", or let new ones be made'],
  ['md5', 'is broken: let new passwords be made'],
  ['sha', 'is broken: let new passwords be made'],
  ['sha1', 'is broken: let new passwords be made'],
  ['sha256', 'without a salt protects nobody: let new passwords be made, or say where the salt stands'],
  ['sha512', 'without a salt protects nobody: let new passwords be made, or say where the salt stands'],
]);

/** @returns the kind, or what is wrong with its name. */
export function parseHashKind(name: string): HashKind | string {
  const salted = /^(sha256|sha512)-(prefix|suffix)$/.exec(name);
  if (salted !== null) {
    const [, digest, saltPosition] = salted as unknown as [string, 'sha256' | 'sha512', 'prefix' | 'suffix'];
    return { algorithm: 'salted-digest', digest, saltPosition };
  }
  const [, mac, iterations] = /^pbkdf2-(sha1?|sha224|sha256|sha384|sha512)-(\d{1,7})$/.exec(name) ?? [];
  if (mac !== undefined)
    return { algorithm: 'pbkdf2', digest: mac === 'sha' ? 'sha1' : mac, iterations: Number(iterations) };
  const [word = ''] = name.split('-');
  const why = NO_HASHES.get(word);
  return why === undefined ? `expected ${HASH_KINDS}` : `${word} ${why}`;
}

/**
 * A hash as a broker wrote it: `$7$…` and `$6$…` (Mosquitto), `$2b$…` (bcrypt), `$argon2id$…`; in hex, what `kind` says.
 *
 * @param salt of a hash in hex, as the broker used it: its characters, not what they may stand for.
 * @returns what is kept of it, or what is wrong; nothing of the hash is quoted.
 */
export function parseBrokerHash(
  text: string,
  salt: string,
  kind: HashKind | undefined,
): PasswordHash | string {
  const candidate = candidateOf(text, salt, kind);
  if (typeof candidate === 'string') return candidate;
  const judged = passwordHashSchema.safeParse(candidate);
  if (judged.success) return judged.data;
  const [issue] = judged.error.issues;
  return `hash: ${[...(issue?.path ?? []), issue?.message].join(' ')}`;
}

function candidateOf(text: string, salt: string, kind: HashKind | undefined): object | string {
  if (/^\$2[a-z]?\$/.test(text)) return { algorithm: 'bcrypt', hash: text };
  if (text.startsWith('$argon2')) return { algorithm: 'argon2', hash: text };
  const [, pbkdf2, iterations, pbkdf2Salt, pbkdf2Hash] =
    /^(\$7)\$(\d{1,7})\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  if (pbkdf2 !== undefined)
    return {
      algorithm: 'pbkdf2',
      digest: 'sha512',
      iterations: Number(iterations),
      salt: pbkdf2Salt,
      hash: pbkdf2Hash,
    };
  const [, sha512, digestSalt, digestHash] = /^(\$6)\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  if (sha512 !== undefined)
    return {
      algorithm: 'salted-digest',
      digest: 'sha512',
      saltPosition: 'suffix',
      salt: digestSalt,
      hash: digestHash,
    };
  if (!/^([0-9a-f]{2}){16,}$/i.test(text)) return 'hash: not of a kind that is known';
  if (kind === undefined) return `hash: in hex, so --hashes must say how it was made: ${HASH_KINDS}`;
  if (salt === '') return 'hash: without a salt it protects nobody: let a new password be made';
  return {
    ...kind,
    salt: Buffer.from(salt).toString('base64'),
    hash: Buffer.from(text, 'hex').toString('base64'),
  };
}
