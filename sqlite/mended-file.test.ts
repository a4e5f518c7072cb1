import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { MendedFile } from './mended-file.ts';

let file: string;
beforeEach(() => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mended-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  file = path.join(folder, 'log');
});

function make(at: string, row: string): void {
  using database = new DatabaseSync(at);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE rows (row)');
  database.prepare('INSERT INTO rows VALUES (?)').run(row);
}

const rowsOf = (database: DatabaseSync) => database.prepare('SELECT row FROM rows').all();

/** @param meanwhile happens while the file is opened: after SQLite has it, before anybody looks at its path */
function opened(meanwhile: (opening: number) => void): MendedFile<DatabaseSync> {
  let openings = 0;
  const open = () => {
    const database = new DatabaseSync(file);
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS rows (row)');
    meanwhile(openings++);
    return database;
  };
  const mended = new MendedFile({ file, followsPath: false, open });
  onTestFinished(() => mended.close());
  return mended;
}

test('[P1] a file that is replaced while it is opened is not taken for the one that stands there then', () => {
  make(file, 'first');
  make(`${file}.other`, 'second');
  const mended = opened((opening) => {
    if (opening === 0) renameSync(`${file}.other`, file);
  });
  expect(mended.use(rowsOf)).toEqual([{ row: 'second' }]);
  mended.write((database) => database.exec(`INSERT INTO rows VALUES ('durable')`));
  using found = new DatabaseSync(file);
  expect(rowsOf(found)).toEqual([{ row: 'second' }, { row: 'durable' }]);
});

test('[P1] one that is replaced each time, or deleted, is displaced from the beginning', () => {
  const replaced = opened((opening) => {
    make(`${file}.${opening}`, 'another');
    renameSync(`${file}.${opening}`, file);
  });
  expect(() => replaced.write(() => undefined)).toThrow('was replaced by another file');
  const deleted = opened(() => rmSync(file));
  expect(() => deleted.write(() => undefined)).toThrow('was deleted or moved away');
});

test('a file that is made by being opened stands there', () => {
  const mended = opened(() => undefined);
  mended.write((database) => database.exec(`INSERT INTO rows VALUES ('first')`));
  expect([mended.atPath(), mended.displacement()]).toEqual(['it', undefined]);
});
