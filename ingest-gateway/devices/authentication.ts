import { isDeviceId } from '#contract/device-topic.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { BanList } from './bans/ban-list.ts';
import type { CredentialStore } from './credential-store.ts';
import { type Identity, isOneDevice } from './one-device.ts';
import { isToken, type TokenChecks, type TokenPass } from './tokens/token-checks.ts';

/** Who a client says it is, and how it proves it. */
export interface Claim extends Identity {
  readonly password: Uint8Array | undefined;
  /** Where it comes from, as `sourceOf` gives it. */
  readonly address: string;
}

/** CONNACK return codes [MQTT-3.2.2.3]. */
type ReturnCode = 2 | 3 | 4 | 5;

export interface Refusal {
  readonly reason: RefusalReason;
  readonly returnCode: ReturnCode;
  /** For the operator; nothing of what is secret. */
  readonly detail?: string;
}

/** That a client is let in, and by what. */
export interface Pass {
  readonly by: 'certificate' | 'password' | 'token' | 'nothing';
  /** Of a token: who came in by it must leave when it does not hold any more. */
  readonly token?: TokenPass;
}

export interface AuthenticationPolicy {
  /** `undefined` = no credentials file. */
  readonly credentials:
    | Pick<CredentialStore, 'needsPassword' | 'isRevoked' | 'verify' | 'terms' | 'slowestCheckMs'>
    | undefined;
  /** Devices of which the credentials file knows no password are let in. Those that were revoked are not. */
  readonly allowAnonymous: boolean;
  /** `undefined` = tokens let nobody in. */
  readonly tokens?: Pick<TokenChecks, 'check'> | undefined;
  readonly bans: Pick<BanList, 'device'>;
}

/**
 * Decides who a client is (P9): whether it is one device in all that it says (`isOneDevice`), and whether it has proved it.
 * That may take minutes, and goes on when nobody wants the answer any more: whoever comes back finds it. A device that was
 * revoked is refused whatever it shows, and as late as one that nobody knows.
 *
 * A password that is a token is judged as one, where tokens are accepted; whatever else the file says of the device holds.
 *
 * @returns a pass when the client is the device that it says it is.
 */
export async function authenticate(
  claim: Claim,
  { credentials, tokens, allowAnonymous, bans }: AuthenticationPolicy,
): Promise<Refusal | Pass> {
  const { clientId, password, certificateName, address } = claim;
  if (!isDeviceId(clientId)) return { reason: 'invalid-client-id', returnCode: 2 };
  if (bans.device(clientId) !== undefined) return { reason: 'banned', returnCode: 5 };
  if (!isOneDevice(claim)) return { reason: 'wrong-identity', returnCode: 5 };
  const badCredentials: Refusal = { reason: 'bad-credentials', returnCode: 4 };
  const isRevoked = credentials?.isRevoked(clientId) === true;
  if (certificateName !== undefined && !isRevoked) return { by: 'certificate' };
  if (tokens !== undefined && password !== undefined && isToken(password)) {
    const judged = await tokens.check(clientId, password);
    if (judged.verdict === 'busy') return { reason: 'authentication-busy', returnCode: 3 };
    if (judged.verdict === 'wrong') return { ...badCredentials, detail: judged.why };
    return isRevoked ? badCredentials : { by: 'token', token: judged.pass };
  }
  if (allowAnonymous && credentials?.needsPassword(clientId) !== true) return { by: 'nothing' };
  if (credentials === undefined || password === undefined) return badCredentials;
  // Also of a device that is not known: guesses of names count as guesses.
  const verdict = await credentials.verify({ deviceId: clientId, address, password });
  switch (verdict) {
    case 'verified':
      return isRevoked ? badCredentials : { by: 'password' };
    case 'busy':
      return { reason: 'authentication-busy', returnCode: 3 };
    case 'throttled':
      return { reason: 'login-throttled', returnCode: 3 };
    case 'wrong':
      return badCredentials;
  }
}
