import { DatabaseSync } from 'node:sqlite';
import { copyDatabase, integrityProblem } from '#sqlite/copy-database.ts';
import { quoted } from './measurement-tables.ts';
import { storeFileIn } from './store-file.ts';

/** Copies the store of a folder, while its owner runs or not. @returns points by measurement. */
export async function copyStore(
  dataDir: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<Readonly<Record<string, number>>> {
  await copyDatabase(storeFileIn(dataDir), to, onProgress);
  using database = new DatabaseSync(to, { readOnly: true });
  const measurements = database
    .prepare('SELECT DISTINCT measurement FROM _fields ORDER BY measurement')
    .all();
  return Object.fromEntries(
    measurements.map((row) => {
      const name = String(row['measurement']);
      const counted = database.prepare(`SELECT count(*) AS points FROM ${quoted(name)}`).get();
      return [name, Number(counted?.['points'])];
    }),
  );
}

/** What is wrong with a copied store; `undefined`: nothing. Reads all of it. */
export function storeCopyProblem(file: string): string | undefined {
  return integrityProblem(file);
}
