import type { DatabaseSync } from 'node:sqlite';
import type { SalvagedRow, SalvagedValue } from '#sqlite/salvaged-rows.ts';
import type { ColumnKind } from './point-batch.ts';

/** A measurement's table as it was made: device and time, then a column for each of `kinds`. */
export interface SalvagedTable {
  readonly name: string;
  readonly sql: string;
  /** Its first page, where the schema says so. */
  readonly root: number | undefined;
  readonly kinds: readonly ColumnKind[];
}

interface SalvagedField {
  readonly measurement: string;
  readonly name: string;
  readonly kind: ColumnKind;
  readonly column: string;
}

export interface SalvagedLayout {
  readonly tables: readonly SalvagedTable[];
  readonly fields: readonly SalvagedField[];
  /** What was kept of time. */
  readonly seenTime: string | undefined;
}

const KINDS: ReadonlySet<unknown> = new Set<ColumnKind>(['integer', 'float', 'boolean', 'string', 'tag']);

/**
 * Writes down, in a row of its own, how the tables are made and what their fields are: without the first page of the file,
 * which says so too, nobody could tell which value of a point is which. Must run inside a transaction.
 */
export function keepLayout(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS _layout (id INTEGER PRIMARY KEY CHECK (id = 0), layout TEXT NOT NULL);
    INSERT OR REPLACE INTO _layout SELECT 0, json_object(
      'tables', (SELECT json_group_array(json_array(name, sql)) FROM sqlite_schema
        WHERE type = 'table' AND name NOT IN ('_fields', '_clock', '_layout')),
      'fields', (SELECT json_group_array(json_array(measurement, name, kind, column_name)) FROM _fields))
  `);
}

/** From the rows of a damaged file: its schema, its fields, and the copy of both, whatever is left of them. */
export function salvagedLayout(rows: Iterable<SalvagedRow>): SalvagedLayout {
  const tables = new Map<string, Pick<SalvagedTable, 'name' | 'sql' | 'root'>>();
  const fields = new Map<string, SalvagedField>();
  let seenTime: string | undefined;
  const addField = (values: readonly unknown[]): void => {
    const [measurement, name, kind, column] = values.map(String) as [string, string, ColumnKind, string];
    fields.set(JSON.stringify([measurement, name]), { measurement, name, kind, column });
  };
  for (const { isIndex, values, isCut } of rows) {
    const [first, second, third, fourth, fifth] = values;
    if (isIndex && values.length === 4 && values.every(isText) && KINDS.has(third)) addField(values);
    if (isIndex || isCut) continue;
    if (first === 'table' && isText(second) && !second.startsWith('_') && isText(fifth))
      tables.set(second, { name: second, sql: fifth, root: Number(fourth) });
    if (first !== null || values.length !== 2 || !isText(second)) continue;
    const kept = parsed(second);
    if ('seenMs' in kept) seenTime = second;
    for (const [name, sql] of pairs(kept['tables']))
      if (!tables.has(name)) tables.set(name, { name, sql, root: undefined });
    for (const field of pairs(kept['fields'])) addField(field);
  }
  return {
    tables: [...tables.values()].map((table) => ({ ...table, kinds: kindsOf(table, [...fields.values()]) })),
    fields: [...fields.values()],
    seenTime,
  };
}

/** In the order of the columns, which is that of the statement that made the table. */
function kindsOf(
  { name, sql }: Pick<SalvagedTable, 'name' | 'sql'>,
  fields: readonly SalvagedField[],
): ColumnKind[] {
  return fields
    .filter(({ measurement }) => measurement === name)
    .map(({ kind, column }) => ({ kind, at: sql.indexOf(`"${column.replaceAll('"', '""')}" `) }))
    .sort((a, b) => a.at - b.at)
    .map(({ kind }) => kind);
}

function isText(value: SalvagedValue | undefined): value is string {
  return typeof value === 'string';
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function pairs(value: unknown): readonly [string, string][] {
  return Array.isArray(value) ? (value as [string, string][]) : [];
}
