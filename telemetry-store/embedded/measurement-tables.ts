import type { DatabaseSync } from 'node:sqlite';
import type { StoredField } from '#telemetry-store/telemetry-store.ts';
import type { ColumnKind, PointShape } from './point-batch.ts';
import { keepLayout } from './store-layout.ts';

export interface FieldColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Quoted for SQL. */
  readonly column: string;
}

const COLUMN_TYPES: Readonly<Record<ColumnKind, string>> = {
  integer: 'INTEGER',
  float: 'REAL',
  boolean: 'INTEGER',
  string: 'TEXT',
  tag: 'TEXT',
};

/** Columns that SQLite allows a table (`SQLITE_MAX_COLUMN`), less device and time. */
const MOST_FIELDS = 2_000 - 2;

/**
 * Which measurements and fields the file holds. One table per measurement, named like it, with the key
 * (device, time) and a column per field and tag, so that people can query the file with any SQLite tool:
 *
 *     SELECT time, temperature FROM environment WHERE device = 'dev-1' ORDER BY time DESC LIMIT 10
 *
 * Columns are added when a field is first seen; a field keeps its first kind for ever, as in InfluxDB. `_fields` keeps
 * the kinds, and the column's name where it is not the field's (SQLite ignores case, field names do not).
 *
 * In memory it mirrors the file; after a rolled-back transaction, and when another process has changed it, `reload` makes
 * it true again.
 */
export class MeasurementTables {
  readonly #database: DatabaseSync;
  readonly #measurements = new Map<string, Map<string, FieldColumn>>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  static createIn(database: DatabaseSync): void {
    database.exec(
      `CREATE TABLE IF NOT EXISTS _fields (
         measurement TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, column_name TEXT NOT NULL,
         PRIMARY KEY (measurement, name)
       ) WITHOUT ROWID`,
    );
  }

  /** Made with the first state, not with the file: those of earlier releases have none. */
  static createClockIn(database: DatabaseSync): void {
    database.exec(
      'CREATE TABLE IF NOT EXISTS _clock (id INTEGER PRIMARY KEY CHECK (id = 0), seen_time TEXT NOT NULL)',
    );
  }

  reload(): void {
    this.#measurements.clear();
    const rows = this.#database.prepare('SELECT measurement, name, kind, column_name FROM _fields').all();
    for (const row of rows) {
      const column: FieldColumn = {
        name: String(row['name']),
        kind: row['kind'] as ColumnKind,
        column: quoted(String(row['column_name'])),
      };
      this.#fieldsOf(String(row['measurement'])).set(column.name, column);
    }
  }

  measurements(): string[] {
    return [...this.#measurements.keys()];
  }

  /** Without tags. */
  fields(): StoredField[] {
    return [...this.#measurements].flatMap(([measurement, columns]) =>
      [...columns.values()].flatMap(({ name, kind }) => (kind === 'tag' ? [] : { measurement, name, kind })),
    );
  }

  columns(measurement: string): readonly FieldColumn[] {
    return [...(this.#measurements.get(measurement)?.values() ?? [])];
  }

  /**
   * The columns for the fields of a shape, added where they are missing; or, in InfluxDB's words, why its points
   * cannot be stored. Must run inside the transaction that writes the points.
   */
  columnsFor(shape: PointShape): { readonly columns: readonly FieldColumn[] } | { readonly reason: string } {
    const known = this.#measurements.get(shape.measurement);
    for (const { name, kind } of shape.fields) {
      const held = known?.get(name);
      if (held !== undefined && held.kind !== kind) {
        const place = `input field "${name}" on measurement "${shape.measurement}"`;
        return {
          reason: `field type conflict: ${place} is type ${kind}, already exists as type ${held.kind}`,
        };
      }
    }
    const missing = shape.fields.filter(({ name }) => !known?.has(name));
    const reason = missing.length === 0 ? undefined : this.#unholdable(shape.measurement, missing.length);
    if (reason !== undefined) return { reason };
    for (const { name, kind } of missing) this.#add(shape, name, kind);
    if (missing.length > 0) keepLayout(this.#database);
    const held = this.#measurements.get(shape.measurement);
    return { columns: shape.fields.flatMap(({ name }) => held?.get(name) ?? []) };
  }

  /** Why SQLite will never hold so many more fields of a measurement: to try again would hold up all others. */
  #unholdable(measurement: string, more: number): string | undefined {
    const held = this.#measurements.get(measurement);
    if (held === undefined) {
      const alike = this.measurements().find((name) => name.toLowerCase() === measurement.toLowerCase());
      if (alike !== undefined) {
        return (
          `measurement "${measurement}" and "${alike}", which is there already, ` +
          'differ by capital letters only, which SQLite does not tell apart'
        );
      }
    }
    const fields = held?.size ?? 0;
    if (fields + more <= MOST_FIELDS) return undefined;
    return `measurement "${measurement}" has ${fields} fields of at most ${MOST_FIELDS}, ${more} more do not fit`;
  }

  #add({ measurement }: PointShape, name: string, kind: ColumnKind): void {
    const table = quoted(measurement);
    if (!this.#measurements.has(measurement)) {
      this.#database.exec(
        `CREATE TABLE ${table} (device TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (device, time)) WITHOUT ROWID`,
      );
    }
    const fields = this.#fieldsOf(measurement);
    const taken = new Set(['"device"', '"time"', ...[...fields.values()].map((f) => f.column.toLowerCase())]);
    let columnName = name;
    for (let n = 2; taken.has(quoted(columnName).toLowerCase()); n++) columnName = `${name}_${n}`;
    this.#database.exec(`ALTER TABLE ${table} ADD COLUMN ${quoted(columnName)} ${COLUMN_TYPES[kind]}`);
    this.#database
      .prepare('INSERT INTO _fields VALUES (?, ?, ?, ?)')
      .run(measurement, name, kind, columnName);
    fields.set(name, { name, kind, column: quoted(columnName) });
  }

  #fieldsOf(measurement: string): Map<string, FieldColumn> {
    let fields = this.#measurements.get(measurement);
    if (fields === undefined) {
      fields = new Map();
      this.#measurements.set(measurement, fields);
    }
    return fields;
  }
}

/** A name as an SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
