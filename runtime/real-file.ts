import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';

/** More than anybody makes by hand: links that go round in circles are for SQLite to refuse. */
const LINKS = 40;

/**
 * What the link at `path` names now, also where nothing stands yet; `path` where there is no link. SQLite keeps the journals
 * of a file beside that one, and a file that is made anew belongs on its disk.
 */
export function realFile(path: string): string {
  let file = path;
  for (let link = 0; link < LINKS; link++) {
    try {
      const target = readlinkSync(file);
      const folder = isAbsolute(target) ? dirname(target) : `${dirname(file)}/${dirname(target)}`;
      file = join(realFolder(folder), basename(target));
    } catch {
      break;
    }
  }
  return file;
}

/** `..` behind a link leads up from where that really is, which only the system can tell; a folder that is missing is as it reads. */
function realFolder(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return resolve(folder);
  }
}
