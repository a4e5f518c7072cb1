import { closeSync, existsSync, openSync } from 'node:fs';

const OWNER_ONLY = 0o600;

/**
 * Makes the file, if there is none, so that only its owner may read it; SQLite would let everybody. Its journals get the
 * same mode from SQLite. A mode that somebody gave it stays.
 */
export function makePrivateFile(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'a', OWNER_ONLY));
}
