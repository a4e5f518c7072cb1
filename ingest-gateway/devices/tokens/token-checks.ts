import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import type { TokenSettings } from '#runtime/token-variables.ts';
import type { KeySet } from './key-set.ts';
import { isKeyKept, type TokenKeys } from './token-keys.ts';

/** By which token somebody came in. */
export interface TokenPass {
  /** Until when it holds, milliseconds since the epoch. */
  readonly until: number;
  readonly kid: string | undefined;
  readonly keys: KeySet;
}

export type TokenVerdict =
  | { readonly verdict: 'verified'; readonly pass: TokenPass }
  | { readonly verdict: 'wrong'; readonly why: string }
  /** There are no keys yet. */
  | { readonly verdict: 'busy' };

export interface TokenChecksOptions extends Omit<TokenSettings, 'keys'> {
  readonly keys: Pick<TokenKeys, 'set' | 'lookAgain'>;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

/** Whether a password is meant as a token: a JWT in its compact form, with a header that says so. */
export function isToken(password: Uint8Array): boolean {
  // `{"`, as base64 writes it.
  if (password[0] !== 0x65 || password[1] !== 0x79) return false;
  try {
    const text = Buffer.from(password).toString('latin1');
    return text.split('.').length === 3 && typeof decodeProtectedHeader(text).alg === 'string';
  } catch {
    return false;
  }
}

/**
 * Judges tokens (JWT, RFC 7519): signed by a key in force with an algorithm of the list, `sub` the device, `exp` and `nbf`
 * around now, and `iss` and `aud` as they are expected. What costs nothing is looked at first.
 */
export class TokenChecks {
  readonly #options: TokenChecksOptions;
  /** Keys are imported once for each set. */
  #resolver: { readonly set: KeySet; readonly getKey: ReturnType<typeof createLocalJWKSet> } | undefined;

  constructor(options: TokenChecksOptions) {
    this.#options = options;
  }

  async check(deviceId: string, password: Uint8Array): Promise<TokenVerdict> {
    const token = Buffer.from(password).toString('latin1');
    const why = this.#whyNotWithoutKeys(deviceId, token);
    if (why !== undefined) return { verdict: 'wrong', why };
    const verdict = await this.#checkSignature(deviceId, token);
    if (verdict !== 'key not known') return verdict;
    await this.#options.keys.lookAgain();
    const again = await this.#checkSignature(deviceId, token);
    return again === 'key not known' ? { verdict: 'wrong', why: 'token: its key is not known' } : again;
  }

  /** Whether who came in by it may stay: its time is not over, and its key is still there. */
  holds({ until, kid, keys }: TokenPass): boolean {
    const { set } = this.#options.keys;
    if (until <= this.#options.now()) return false;
    return set === undefined || set === keys || isKeyKept(kid, keys, set);
  }

  #whyNotWithoutKeys(deviceId: string, token: string): string | undefined {
    try {
      const { sub, exp } = decodeJwt(token);
      if (sub !== deviceId) return 'token: its "sub" is not the device';
      if (typeof exp !== 'number') return 'token: it has no "exp"';
      return exp * 1000 + this.#options.clockToleranceMs <= this.#options.now()
        ? 'token: it has expired'
        : undefined;
    } catch {
      return 'token: its claims cannot be read';
    }
  }

  async #checkSignature(deviceId: string, token: string): Promise<TokenVerdict | 'key not known'> {
    const { keys, issuer, audience, algorithms, clockToleranceMs, now } = this.#options;
    const { set } = keys;
    if (set === undefined) return { verdict: 'busy' };
    if (this.#resolver?.set !== set)
      this.#resolver = { set, getKey: createLocalJWKSet({ keys: [...set.keys] } as JSONWebKeySet) };
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#resolver.getKey, {
        algorithms: [...algorithms],
        subject: deviceId,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockToleranceMs / 1000,
        currentDate: new Date(now()),
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience }),
      });
      const until = (payload.exp as number) * 1000 + clockToleranceMs;
      return { verdict: 'verified', pass: { until, kid: protectedHeader.kid, keys: set } };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return 'key not known';
      return { verdict: 'wrong', why: `token: ${whyOf(error)}` };
    }
  }
}

/** Claims are named, their values are not repeated. */
function whyOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its "${error.claim}" is not as expected`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed (JWT_ALGORITHMS)';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return 'it does not say which of several keys it is signed by';
  return error instanceof errors.JOSEError ? error.code : 'it cannot be judged';
}
