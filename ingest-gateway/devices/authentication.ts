import { isDeviceId } from '#contract/device-topic.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import type { BanList } from './bans/ban-list.ts';
import type { CredentialStore } from './credential-store.ts';
import { type Identity, isOneDevice } from './one-device.ts';

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
}

export interface AuthenticationPolicy {
  /** `undefined` = no credentials file. */
  readonly credentials: Pick<CredentialStore, 'needsPassword' | 'isRevoked' | 'verify' | 'terms'> | undefined;
  /** Devices of which the credentials file knows no password are let in. Those that were revoked are not. */
  readonly allowAnonymous: boolean;
  readonly bans: Pick<BanList, 'device'>;
}

/**
 * Decides who a client is (P9): whether it is one device in all that it says (`isOneDevice`), and
 * whether it has proved it. A device that was revoked is refused whatever it shows.
 *
 * @param signal fires when the answer is not wanted any more.
 * @returns `undefined` when the client is the device that it says it is.
 */
export async function authenticate(
  claim: Claim,
  { credentials, allowAnonymous, bans }: AuthenticationPolicy,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { clientId, password, certificateName, address } = claim;
  if (!isDeviceId(clientId)) return { reason: 'invalid-client-id', returnCode: 2 };
  if (bans.device(clientId) !== undefined) return { reason: 'banned', returnCode: 5 };
  if (!isOneDevice(claim)) return { reason: 'wrong-identity', returnCode: 5 };
  const badCredentials: Refusal = { reason: 'bad-credentials', returnCode: 4 };
  if (credentials?.isRevoked(clientId)) return badCredentials;
  if (certificateName !== undefined) return undefined;
  if (allowAnonymous && credentials?.needsPassword(clientId) !== true) return undefined;
  if (credentials === undefined || password === undefined) return badCredentials;
  // Also of a device that is not known: guesses of names count as guesses.
  const verdict = await credentials.verify({ deviceId: clientId, address, password }, signal);
  switch (verdict) {
    case 'verified':
      return undefined;
    case 'busy':
      return { reason: 'authentication-busy', returnCode: 3 };
    case 'throttled':
      return { reason: 'login-throttled', returnCode: 3 };
    case 'wrong':
      return badCredentials;
  }
}
