import { CsvError, parse as parseCsv } from 'csv-parse/sync';
import { counted } from '#runtime/counted.ts';

/** What a file says of one device, not judged yet. */
export interface RawRow {
  /** Where it stands: `line 7`, `entry 3`. */
  readonly place: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface RawRows {
  readonly rows: readonly RawRow[];
  /** Each with its place; rows that cannot be read are not among `rows`. */
  readonly problems: readonly string[];
}

export const LIST_FORMATS = ['csv', 'json', 'mosquitto'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

/**
 * Reads a list of devices as text. CSV has a head; a column `labels.site` is the key `site` of `labels`. JSON is an object a
 * line, or one array; or what Mosquitto's dynamic security plugin keeps. Mosquitto's password file has `user:hash` lines.
 *
 * @param format `undefined` = to be seen from the text itself.
 * @param isColumn whether there is such a column in CSV; `labels` stands for all of `labels.…`.
 */
export function readRows(
  text: string,
  format: ListFormat | undefined,
  isColumn: (name: string) => boolean,
): RawRows {
  const content = text.replace(/^\uFEFF/, '');
  switch (format ?? formatOf(content)) {
    case 'csv':
      return csvRows(content, isColumn);
    case 'json':
      return jsonRows(content);
    case 'mosquitto':
      return passwordFileRows(content);
  }
}

function formatOf(text: string): ListFormat {
  const first = text.trimStart();
  if (first.startsWith('{') || first.startsWith('[')) return 'json';
  const [line = ''] = first.split('\n').filter((it) => !it.startsWith('#'));
  return /^[^:,]+:\$/.test(line) ? 'mosquitto' : 'csv';
}

function csvRows(text: string, isColumn: (name: string) => boolean): RawRows {
  let lines: { record: string[]; info: { lines: number } }[];
  try {
    lines = parseCsv(text, {
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      delimiter: delimiterOf(text),
    }) as unknown as typeof lines;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return {
      rows: [],
      problems: [`line ${Number(error['lines'] ?? 1)}: no CSV from here on (${error.code})`],
    };
  }
  const [head, ...rest] = lines;
  if (head === undefined) return { rows: [], problems: [] };
  const names = head.record.map((name) => name.trim());
  const isColumnName = (name: string): boolean => isColumn(name.replace(/\..*/s, ''));
  // What stands there instead may be a device and its password: it is not quoted.
  if (!names.some(isColumnName))
    return {
      rows: [],
      problems: ['line 1: expected a head that names the columns: id, password or hash, …'],
    };
  const problems: string[] = [];
  for (const [index, name] of names.entries()) {
    const told = `line 1: the column ${JSON.stringify(name)}`;
    if (names.indexOf(name) !== index) problems.push(`${told} is there twice`);
    else if (!isColumnName(name)) problems.push(`${told} is not known`);
  }
  if (problems.length > 0) return { rows: [], problems };
  const rows: RawRow[] = [];
  for (const { record, info } of rest) {
    const place = `line ${info.lines}`;
    if (record.length === names.length) rows.push({ place, fields: nested(names, record) });
    else
      problems.push(
        `${place}: ${counted(record.length, 'column')}, expected ${names.length} as in the first line`,
      );
  }
  return { rows, problems };
}

/** Spreadsheets write semicolons where the comma is for decimals. Only the head tells: a password may hold any of them. */
function delimiterOf(text: string): string {
  const [head = ''] = text.trimStart().split(/\r?\n/, 1);
  return [';', '\t'].find((delimiter) => head.includes(delimiter)) ?? ',';
}

/** An empty cell says nothing. */
function nested(names: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [index, name] of names.entries()) {
    const written = cells[index] as string;
    // A password may begin or end with a space.
    const cell = name === 'password' ? written : written.trim();
    if (cell === '') continue;
    const [outer = '', inner] = name.split(/\.(.*)/s);
    if (inner === undefined) fields.set(name, cell);
    else fields.set(outer, { ...(fields.get(outer) as object | undefined), [inner]: cell });
  }
  return Object.fromEntries(fields);
}

function jsonRows(text: string): RawRows {
  const whole = asJson(text);
  if (Array.isArray(whole)) return entryRows(whole);
  if (isObject(whole) && Array.isArray(whole['clients'])) return dynamicSecurityRows(whole['clients']);
  const rows: RawRow[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const place = `line ${index + 1}`;
    const fields = asJson(line);
    if (isObject(fields)) rows.push({ place, fields });
    else problems.push(`${place}: not a JSON object`);
  }
  return { rows, problems };
}

function entryRows(entries: readonly unknown[]): RawRows {
  const rows: RawRow[] = [];
  const problems: string[] = [];
  for (const [index, fields] of entries.entries()) {
    const place = `entry ${index + 1}`;
    if (isObject(fields)) rows.push({ place, fields });
    else problems.push(`${place}: not a JSON object`);
  }
  return { rows, problems };
}

/** `dynamic-security.json`: `encoded_password` since 2.1, before that the parts of a `$7$`. */
function dynamicSecurityRows(clients: readonly unknown[]): RawRows {
  const { rows, problems } = entryRows(clients);
  return {
    problems: [
      ...problems,
      ...rows
        .filter(({ fields }) => fields['disabled'] === true)
        .map(({ place }) => `${place}: disabled there: leave it out`),
    ],
    rows: rows
      .filter(({ fields }) => fields['disabled'] !== true)
      .map(({ place, fields: { username, encoded_password, iterations, salt, password } }) => ({
        place,
        fields: { id: username, hash: encoded_password ?? `$7$${iterations}$${salt}$${password}` },
      })),
  };
}

function passwordFileRows(text: string): RawRows {
  const rows: RawRow[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const place = `line ${index + 1}`;
    const [, id, hash] = /^([^:]+):(\$.+)$/.exec(line.trim()) ?? [];
    // What follows a colon and is no hash may be a password in the clear: it is not quoted, and not taken for one.
    if (id === undefined)
      problems.push(`${place}: expected "user:hash" (mosquitto_passwd -U hashes a file in the clear)`);
    else rows.push({ place, fields: { id, hash } });
  }
  return { rows, problems };
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
