import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { counted } from '#runtime/counted.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';

const OWNER_ONLY = 0o600;

/**
 * Writes passwords that were made where nobody but the owner reads them, and then puts them in force: a line `ID PASSWORD` for
 * each device, as `npm run simulate -- --credentials` takes them. They are nowhere else, so the file is on the disk before they
 * are in force, and gone when they do not come in force; one that is there is not overwritten: it may hold those that devices use.
 *
 * @param file `undefined` = they are only shown
 * @throws PipelineError `usage` when there is such a file, or it cannot be written; what `putInForce` throws.
 */
export async function withSecrets(
  file: string | undefined,
  passwords: ReadonlyMap<string, string>,
  putInForce: () => Promise<void>,
): Promise<void> {
  if (file === undefined) {
    await putInForce();
    return;
  }
  writeSecrets(file, passwords);
  try {
    await putInForce();
  } catch (error) {
    removeSecrets(file);
    throw error;
  }
}

function writeSecrets(file: string, passwords: ReadonlyMap<string, string>): void {
  assertNoSecrets(file);
  try {
    const descriptor = openSync(file, 'wx', OWNER_ONLY);
    try {
      writeFileSync(
        descriptor,
        secretLines(passwords)
          .map((line) => `${line}\n`)
          .join(''),
      );
      fsyncSync(descriptor);
    } catch (cause) {
      // None of them is in force, and the file would be in the way of the next try.
      removeSecrets(file);
      throw cause;
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw new PipelineError('usage', `--secrets: ${file} cannot be written: ${describeError(cause)}`, {
      cause,
    });
  }
}

/** For whoever made them. */
export function whereSecretsAre(file: string, { size }: ReadonlyMap<string, string>): string {
  return `${counted(size, 'password')} ${size === 1 ? 'is' : 'are'} in ${file}, and nowhere else`;
}

function removeSecrets(file: string): void {
  rmSync(file, { force: true });
}

/** Asked before there is anything to write: hashing thousands of passwords takes minutes. */
export function assertNoSecrets(file: string): void {
  if (existsSync(file))
    throw new PipelineError(
      'usage',
      `--secrets: ${file} is there already, and may hold passwords that are in use: name another file`,
    );
}

export function secretLines(passwords: ReadonlyMap<string, string>): string[] {
  return Array.from(passwords, ([id, password]) => `${id} ${password}`);
}
