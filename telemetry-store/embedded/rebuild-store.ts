import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { FilePages } from '#sqlite/file-pages.ts';
import { lostPages, type SalvagedRow, type SalvagedValue, salvagedRows } from '#sqlite/salvaged-rows.ts';
import { MeasurementTables, quoted } from './measurement-tables.ts';
import { openStoreFile } from './store-file.ts';
import { type SalvagedLayout, type SalvagedTable, salvagedLayout } from './store-layout.ts';

const ROWS_PER_TRANSACTION = 1_000;

export interface RebuiltStore {
  readonly points: number;
  /** Pages of tables that cannot be read. */
  readonly lostPages: readonly number[];
  /** Points that were found, but not whole, or not which measurement they belong to. */
  readonly lostPoints: number;
}

/** Makes a store at `to` of all that can be read in the damaged one at `from`. */
export function rebuildStore(from: string, to: string): RebuiltStore {
  using pages = new FilePages(from);
  const layout = salvagedLayout(salvagedRows(pages));
  const database = openStoreFile(to, 'owner');
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    makeTables(database, layout);
    const copied = copyPoints(database, layout, salvagedRows(pages));
    database.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)');
    const roots = new Set(layout.tables.flatMap(({ root }) => root ?? []));
    return { ...copied, lostPages: lostPages(pages, roots) };
  } finally {
    database.close();
  }
}

function makeTables(database: DatabaseSync, { tables, fields, seenTime }: SalvagedLayout): void {
  database.exec('BEGIN');
  MeasurementTables.createIn(database);
  for (const { sql } of tables) database.exec(sql);
  const insert = database.prepare('INSERT OR IGNORE INTO _fields VALUES (?, ?, ?, ?)');
  const names = new Set(tables.map(({ name }) => name));
  for (const { measurement, name, kind, column } of fields)
    if (names.has(measurement)) insert.run(measurement, name, kind, column);
  if (seenTime !== undefined) {
    MeasurementTables.createClockIn(database);
    database.prepare('INSERT OR REPLACE INTO _clock VALUES (0, ?)').run(seenTime);
  }
  // An owner that opens it takes it for its own.
  database.exec('PRAGMA user_version = 1; COMMIT');
}

function copyPoints(
  database: DatabaseSync,
  { tables }: SalvagedLayout,
  rows: Iterable<SalvagedRow>,
): Pick<RebuiltStore, 'points' | 'lostPoints'> {
  const inserts = new Map(tables.map((table) => [table, insertInto(database, table)]));
  let points = 0;
  let lostPoints = 0;
  database.exec('BEGIN');
  for (const row of rows) {
    if (!isPoint(row)) continue;
    const table = tableOf(row, tables);
    if (table === undefined) {
      lostPoints++;
      continue;
    }
    const missing = new Array<null>(2 + table.kinds.length - row.values.length).fill(null);
    points += Number(inserts.get(table)?.run(...row.values, ...missing).changes);
    if (points % ROWS_PER_TRANSACTION === 0) database.exec('COMMIT; BEGIN');
  }
  database.exec('COMMIT');
  return { points, lostPoints };
}

function insertInto(database: DatabaseSync, { name, kinds }: SalvagedTable): StatementSync {
  return database.prepare(
    `INSERT INTO ${quoted(name)} VALUES (?, ?${', ?'.repeat(kinds.length)}) ON CONFLICT DO NOTHING`,
  );
}

/** A row of `_fields` is text throughout. */
function isPoint({ isIndex, values }: SalvagedRow): boolean {
  return isIndex && typeof values[0] === 'string' && Number.isSafeInteger(values[1]) && values.length > 2;
}

/** Of the table that its page belongs to; where that is not known, of the only one whose columns its values fit. */
function tableOf(row: SalvagedRow, tables: readonly SalvagedTable[]): SalvagedTable | undefined {
  if (row.isCut) return undefined;
  const own = tables.find(({ root }) => root === row.root);
  const fitting = (own === undefined ? tables : [own]).filter(({ kinds }) =>
    fits(row.values.slice(2), kinds),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

function fits(values: readonly SalvagedValue[], kinds: SalvagedTable['kinds']): boolean {
  return (
    values.length <= kinds.length &&
    values.every((value, index) => {
      if (value === null) return true;
      switch (kinds[index]) {
        case 'float':
          return typeof value === 'number';
        case 'integer':
          return Number.isSafeInteger(value);
        case 'boolean':
          return value === 0 || value === 1;
        default:
          return typeof value === 'string';
      }
    })
  );
}
