import type { PasswordHash } from './credential.ts';
import { generatePassword, hashPassword } from './password-hash.ts';

/** Hashes at once: as many as the thread pool takes, whatever the machine has of cores. */
const AT_ONCE = 4;

/** What a device is to have: a hash that is there, a password that was chosen, or one to be made. */
export interface PasswordWish {
  readonly id: string;
  readonly chosen?: string | undefined;
  readonly hash?: PasswordHash | undefined;
}

export interface NewPasswords {
  readonly hashes: ReadonlyMap<string, PasswordHash>;
  /** Those that were made: nobody else knows them. */
  readonly made: ReadonlyMap<string, string>;
}

/** @param onProgress how many of all wishes are fulfilled. Chosen passwords take some hundredths of a second each. */
export async function newPasswords(
  wishes: readonly PasswordWish[],
  onProgress: (done: number, all: number) => void,
): Promise<NewPasswords> {
  // In the order of the wishes, whichever is hashed first.
  const hashes = new Map<string, PasswordHash | undefined>(wishes.map(({ id }) => [id, undefined]));
  const made = new Map<string, string>();
  let done = 0;
  const waiting = wishes.values();
  const work = async (): Promise<void> => {
    for (const { id, chosen, hash } of waiting) {
      if (hash !== undefined) hashes.set(id, hash);
      else if (chosen !== undefined) hashes.set(id, await hashPassword(Buffer.from(chosen)));
      else {
        const generated = generatePassword();
        hashes.set(id, generated.hash);
        made.set(id, generated.password);
      }
      onProgress(++done, wishes.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { hashes: hashes as Map<string, PasswordHash>, made };
}
