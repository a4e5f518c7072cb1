import { readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** More than anybody makes by hand: links that go round in circles are for SQLite to refuse. */
const LINKS = 40;

/**
 * What the link at `path` names, also where nothing stands yet; `path` where there is no link. SQLite keeps the journals of a
 * file beside that one, and a file that is made anew belongs on its disk.
 */
export function realFile(path: string): string {
  let file = path;
  for (let link = 0; link < LINKS; link++) {
    try {
      file = resolve(dirname(file), readlinkSync(file));
    } catch {
      break;
    }
  }
  return file;
}
