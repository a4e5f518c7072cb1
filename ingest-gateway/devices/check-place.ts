import type { PasswordCredential } from './credential.ts';
import type { PasswordVerdict } from './password-checks.ts';

/** Who came back for one verdict and is still to be answered: each who hangs up and comes back leaves one behind. */
const WAITERS = 3;

/** What the limits of logins have to do with the check of a password. */
export interface CheckRules {
  /** Asked when its turn comes, which may be long after the client was let in to wait: guesses that failed meanwhile count. */
  readonly mayTry: () => boolean;
  /** Told once for each check, however often the client came back for it. */
  readonly onWrong: () => void;
}

export const NO_RULES: CheckRules = { mayTry: () => true, onWrong: () => undefined };

/** A place in the queue for slow hashes. It belongs to a device, an address and a password, not to a connection. */
export interface CheckPlace extends Pick<CheckRules, 'mayTry'> {
  readonly password: Uint8Array;
  /** `undefined` = there is nothing that the password could be right for. */
  readonly kept: PasswordCredential | undefined;
  readonly verdict: PromiseWithResolvers<PasswordVerdict>;
  /** Those who came back, the newest last. */
  readonly again: ((verdict: PasswordVerdict | Promise<PasswordVerdict>) => void)[];
  /** When somebody wanted the answer last. */
  askedAt: number;
}

export function placeFor(
  password: Uint8Array,
  kept: PasswordCredential | undefined,
  mayTry: CheckRules['mayTry'],
  askedAt: number,
): CheckPlace {
  const verdict = Promise.withResolvers<PasswordVerdict>();
  // The password is copied: what is given is a part of all that came over the network together.
  const place = { password: Uint8Array.from(password), kept, mayTry, verdict, again: [], askedAt };
  const answer = (): void => {
    for (const resolve of (place as CheckPlace).again) resolve(verdict.promise);
  };
  verdict.promise.then(answer, answer);
  return place;
}

/** @returns the verdict; `busy` for all but the last few who came back */
export function comeBack(place: CheckPlace, now: number): Promise<PasswordVerdict> {
  place.askedAt = now;
  const { promise, resolve } = Promise.withResolvers<PasswordVerdict>();
  place.again.push(resolve);
  if (place.again.length > WAITERS) place.again.shift()?.('busy');
  return promise;
}
