import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** What the pipeline keeps is not for everybody on the machine. */
const OWNER_ONLY = 0o700;

/**
 * Makes the folder and what is missing above it. For paths that an operator gives, instead of Node's recursive `mkdir`:
 * that one never returns when `mkdir` answers ENOENT in a folder that exists, as everything below `/proc` does.
 *
 * @throws the error of the file system, naming the path that cannot be made.
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const absolute = path.resolve(folder);
  const parent = path.dirname(absolute);
  if (parent !== absolute) makeFolder(parent);
  try {
    mkdirSync(absolute, OWNER_ONLY);
  } catch (error) {
    // Another process may have been faster.
    if (!isFolder(absolute)) throw error;
  }
}

function isFolder(location: string): boolean {
  try {
    return statSync(location).isDirectory();
  } catch {
    // Missing, or not to be looked at: making it tells.
    return false;
  }
}
