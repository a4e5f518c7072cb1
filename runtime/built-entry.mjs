import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Where `npm run build` puts what it builds, below the root. */
export const DIST = 'dist';
/** Beside what was built: of which sources it is. */
export const BUILD_FILE = 'build.json';

/**
 * The built form of an entry, when there is one of exactly the sources that are here. Compared are contents: what was
 * changed, checked out or copied here since is run as it stands, and slower, rather than an older version of it.
 *
 * @param {string} root where package.json is
 * @param {string} entry `standalone/main.ts`
 * @returns {string | undefined} `dist/standalone/main.js`
 */
export function builtEntry(root, entry) {
  try {
    const { entries, sources, digest } = JSON.parse(readFileSync(path.join(root, DIST, BUILD_FILE), 'utf8'));
    if (!entries.includes(entry) || sourcesDigest(root, sources) !== digest) return undefined;
    return `${DIST}/${entry.replace(/\.ts$/, '.js')}`;
  } catch {
    // Not built, or a source is gone.
    return undefined;
  }
}

/**
 * @param {string} root
 * @param {readonly string[]} files
 */
export function sourcesDigest(root, files) {
  const hash = createHash('sha1');
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(path.join(root, file)))
      .update('\0');
  return hash.digest('hex');
}
