import { isLoopback } from '#runtime/loopback.ts';
import { list, text, wholeFrom } from '#runtime/variable-kinds.ts';

/** Signatures by a key pair: with a key that everybody may have nobody can make one. HMAC and `none` are not among them. */
export const TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const KEY_SET_URL = 'an https address (http only of this machine), without user and password';
function isKeySetUrl(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')));
}
const ALGORITHMS = `some of ${TOKEN_ALGORITHMS.join(', ')}, separated by commas`;

/** The variables of logins by token (JWT), as part of `VARIABLES`. */
export const TOKEN_VARIABLES = {
  JWT_JWKS_FILE: {
    schema: text('a file').optional(),
    help: 'Set = a device may show a token (JWT) instead of a password: signed by one of the public keys in this file (JWKS), with `sub` = device id and `exp`. Read again when it changes (docs/devices.md).',
  },
  JWT_JWKS_URL: {
    schema: text(KEY_SET_URL).refine(isKeySetUrl, KEY_SET_URL).optional(),
    help: 'The same of an identity provider: asked every five minutes, and when a token names a key that is not known. Needs JWT_AUDIENCE.',
  },
  JWT_ISSUER: {
    schema: text('an issuer').optional(),
    help: 'What `iss` of a token must be. Default: it is not looked at.',
  },
  JWT_AUDIENCE: {
    schema: text('an audience').optional(),
    help: 'What `aud` of a token must be, or hold: or tokens that were made for other services let devices in.',
  },
  JWT_ALGORITHMS: {
    schema: list('algorithms')
      .refine(
        (names) => names.every((name) => (TOKEN_ALGORITHMS as readonly string[]).includes(name)),
        ALGORITHMS,
      )
      .default([...TOKEN_ALGORITHMS]),
    help: 'Signatures that are accepted. Never `none`, never HMAC: a public key would be its secret.',
  },
  JWT_CLOCK_TOLERANCE_SECONDS: {
    schema: wholeFrom(0, 300).default(30),
    help: 'By how much our clock and that of the issuer may differ.',
  },
} as const;

/** Tokens that devices may show instead of a password. */
export interface TokenSettings {
  readonly keys: { readonly file: string } | { readonly url: string };
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly algorithms: readonly string[];
  readonly clockToleranceMs: number;
}
