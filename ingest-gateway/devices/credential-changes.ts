import { isDeepStrictEqual } from 'node:util';
import { type Credential, hasPassword, type PasswordHash, passwordOf } from './credential.ts';

/** @returns the entry before, when the file says the same of the device now */
export function unchanged(before: Credential | undefined, now: Credential): Credential | undefined {
  if (before === undefined || before === 'revoked' || now === 'revoked') return undefined;
  return isDeepStrictEqual(before, now) ? before : undefined;
}

/**
 * Whether a device that is connected may stay when its entry is another one.
 *
 * @param cameWith `undefined` = the device needed no password, or never came.
 */
export function mayStay(
  before: Credential | undefined,
  now: Credential | undefined,
  cameWith: PasswordHash | undefined,
): boolean {
  if (before === undefined || before === 'revoked' || now === undefined || now === 'revoked') return false;
  // What it may publish for others was given to it when it came in.
  if (!isDeepStrictEqual(before.forwards, now.forwards) || before.maxDevices !== now.maxDevices) return false;
  if (cameWith === undefined) return hasPassword(before) || !hasPassword(now);
  return (
    hasPassword(now) &&
    [passwordOf(now), now.previous?.password].some((password) => isDeepStrictEqual(password, cameWith))
  );
}
