import { DatabaseSync } from 'node:sqlite';
import { holdFileLock } from '#runtime/file-lock.ts';
import { copyDatabase, integrityProblem } from '#sqlite/copy-database.ts';
import { logPaths, prepareFolder } from './log-file.ts';

/** Where a topic of a copied log begins and ends, and how far its groups came. */
export interface CopiedTopic {
  readonly topic: string;
  readonly oldestOffset: number;
  readonly endOffset: number;
  readonly committed: Readonly<Record<string, number>>;
}

export function logFileIn(dataDir: string): string {
  return logPaths(dataDir).file;
}

/** Copies the log of a folder, while its owner runs or not. @throws PipelineError `configuration` when there is none */
export async function copyLog(
  dataDir: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<readonly CopiedTopic[]> {
  prepareFolder(dataDir, false);
  await copyDatabase(logPaths(dataDir).file, to, onProgress);
  using database = new DatabaseSync(to, { readOnly: true });
  const topics = database.prepare(
    `SELECT id, name, next_offset,
       coalesce((SELECT min(base_offset) FROM record_batches WHERE topic_id = topics.id), next_offset) AS oldest
     FROM topics ORDER BY name`,
  );
  const groups = database.prepare('SELECT name, committed_offset FROM consumer_groups WHERE topic_id = ?');
  return topics.all().map((row) => ({
    topic: String(row['name']),
    oldestOffset: Number(row['oldest']),
    endOffset: Number(row['next_offset']),
    committed: Object.fromEntries(
      groups
        .all(Number(row['id']))
        .map((group) => [String(group['name']), Number(group['committed_offset'])]),
    ),
  }));
}

/** The ownership of the log of a folder, which need not exist; `undefined` while a pipeline has it. */
export function holdLog(dataDir: string): Disposable | undefined {
  prepareFolder(dataDir, true);
  return holdFileLock(logPaths(dataDir).lock('owner'));
}

/** What is wrong with a copied log; `undefined`: nothing. Reads all of it. */
export function logCopyProblem(file: string): string | undefined {
  return integrityProblem(file);
}
