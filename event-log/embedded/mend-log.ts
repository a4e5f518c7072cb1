import { replaceDamaged } from '#sqlite/set-aside.ts';
import { type RebuiltTopic, rebuildLog } from './rebuild-log.ts';

/** What became of a damaged log file. */
export interface MendedLog {
  readonly damage: string;
  /** Where it is kept. */
  readonly keptAs: string;
  readonly topics: readonly RebuiltTopic[];
}

/** Sets a damaged log file aside, and puts one in its place that holds all that can be read in it. @throws Error when there is no room for it */
export function mendLog(file: string, damage: string, maxBytes: number): MendedLog {
  const { keptAs, built } = replaceDamaged(file, (to) => rebuildLog(file, to, maxBytes));
  return { damage, keptAs, topics: built };
}
