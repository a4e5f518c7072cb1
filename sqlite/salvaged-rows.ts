import { FILE_HEADER_BYTES, type FilePages } from './file-pages.ts';

export type SalvagedValue = number | string | Uint8Array | null;

/** A row of a table or an index, found on a page that could be read. */
export interface SalvagedRow {
  readonly page: number;
  /** The top of the tree that the page belongs to, as far as the pages above it could be read. */
  readonly root: number;
  readonly isIndex: boolean;
  /** 0 in an index. */
  readonly rowid: number;
  /** As they are stored: `null` in the place of the rowid; of an index or a table WITHOUT ROWID, its key first. */
  readonly values: readonly SalvagedValue[];
  /** The last value is longer: pages behind it are missing. */
  readonly isCut: boolean;
}

const INTERIOR_INDEX = 0x02;
const INTERIOR_TABLE = 0x05;
const LEAF_INDEX = 0x0a;
const LEAF_TABLE = 0x0d;
const PAGE_TYPES: ReadonlySet<number> = new Set([INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE]);

/**
 * Every row that stands on a page of the file that can be read, page by page: whichever page is lost, the first or the
 * root of a table, the rows of all others are found. Which table a row belongs to, its shape says (`root`, where the way
 * up is whole). Rows that do not add up to the byte are left out. https://www.sqlite.org/fileformat2.html
 */
export function* salvagedRows(pages: FilePages): Generator<SalvagedRow> {
  const free = pages.free();
  const parents = parentsOf(pages);
  for (let page = 1; page <= pages.count; page++) {
    if (free.has(page)) continue;
    const bytes = pages.read(page);
    const type = typeOf(bytes, page);
    if (type === undefined || type === INTERIOR_TABLE) continue;
    const root = rootOf(page, parents);
    for (const cell of cellsOf(bytes, page)) {
      const row = rowAt(pages, bytes, cell, type);
      if (row !== undefined) yield { page, root, ...row };
    }
  }
}

/**
 * Pages that others point to as part of a table, and on which nothing can be read.
 *
 * @param roots the first pages of tables, as far as they are known.
 */
export function lostPages(pages: FilePages, roots: ReadonlySet<number>): number[] {
  const lost: number[] = [];
  for (const [page, parent] of parentsOf(pages).entries()) {
    const isNeeded = page > 0 && (parent > 0 || page === 1 || roots.has(page));
    if (isNeeded && typeOf(pages.read(page), page) === undefined) lost.push(page);
  }
  return lost;
}

function parentsOf(pages: FilePages): Uint32Array {
  const parents = new Uint32Array(pages.count + 1);
  for (let page = 1; page <= pages.count; page++) {
    const bytes = pages.read(page);
    const type = typeOf(bytes, page);
    if (type !== INTERIOR_TABLE && type !== INTERIOR_INDEX) continue;
    const last = bytes.readUInt32BE(headerAt(page) + 8);
    if (last <= pages.count) parents[last] = page;
    for (const cell of cellsOf(bytes, page)) {
      const child = cell + 4 <= bytes.length ? bytes.readUInt32BE(cell) : 0;
      if (child <= pages.count) parents[child] = page;
    }
  }
  return parents;
}

function rootOf(page: number, parents: Uint32Array): number {
  let root = page;
  // A tree is a few levels deep; a ring is damage.
  for (let level = 0, above = parents[page]; above && level < 20; level++, above = parents[root])
    root = above;
  return root;
}

function headerAt(page: number): number {
  return page === 1 ? FILE_HEADER_BYTES : 0;
}

function typeOf(bytes: Buffer, page: number): number | undefined {
  const type = bytes[headerAt(page)];
  return type !== undefined && PAGE_TYPES.has(type) ? type : undefined;
}

function* cellsOf(bytes: Buffer, page: number): Generator<number> {
  const header = headerAt(page);
  const isLeaf = (bytes[header] ?? 0) >= LEAF_INDEX;
  const cells = bytes.readUInt16BE(header + 3);
  const first = header + (isLeaf ? 8 : 12);
  for (let cell = 0, at = first; cell < cells && at + 2 <= bytes.length; cell++, at += 2)
    yield bytes.readUInt16BE(at);
}

function rowAt(
  pages: FilePages,
  bytes: Buffer,
  cell: number,
  type: number,
): Omit<SalvagedRow, 'page' | 'root'> | undefined {
  const isIndex = type !== LEAF_TABLE;
  try {
    const [length, afterLength] = varint(bytes, type === INTERIOR_INDEX ? cell + 4 : cell);
    const [rowid, start] = isIndex ? [0, afterLength] : varint(bytes, afterLength);
    const local = localBytes(length, pages.pageBytes, !isIndex);
    if (start + local > bytes.length) return undefined;
    const here = bytes.subarray(start, start + local);
    const rest = local === length ? [] : overflow(pages, bytes.readUInt32BE(start + local), length - local);
    const decoded = decode(Buffer.concat([here, ...rest]), length);
    return decoded && { isIndex, rowid, ...decoded };
  } catch (error) {
    // Beyond the end of the page.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Of a row, what stands on its own page. */
function localBytes(length: number, usable: number, isTable: boolean): number {
  const index = Math.floor(((usable - 12) * 64) / 255) - 23;
  const most = isTable ? usable - 35 : index;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const fitting = least + ((length - least) % (usable - 4));
  return fitting <= most ? fitting : least;
}

/** As far as the chain of pages goes. */
function overflow(pages: FilePages, first: number, length: number): Buffer[] {
  const parts: Buffer[] = [];
  let page = first;
  for (let left = length; left > 0 && page > 1 && page <= pages.count; ) {
    const bytes = pages.read(page);
    const next = bytes.readUInt32BE(0);
    const taken = Math.min(left, pages.pageBytes - 4);
    // Zeros, and bytes that point nowhere, are no page of a chain that goes on; the last one points to 0.
    if (left > taken ? next < 2 || next > pages.count : next !== 0) break;
    parts.push(bytes.subarray(4, 4 + taken));
    left -= taken;
    page = next;
  }
  return parts;
}

/** A record, of which `bytes` are what is left of `length`. `undefined`: these bytes are none. */
function decode(bytes: Buffer, length: number): Pick<SalvagedRow, 'values' | 'isCut'> | undefined {
  const [headerBytes, first] = varint(bytes, 0);
  if (headerBytes > bytes.length) return undefined;
  const types: number[] = [];
  let sum = headerBytes;
  for (let at = first; at < headerBytes; ) {
    const [type, next] = varint(bytes, at);
    types.push(type);
    sum += valueBytes(type);
    at = next;
  }
  if (sum !== length || types.length === 0) return undefined;
  const values: SalvagedValue[] = [];
  let at = headerBytes;
  for (const type of types) {
    const end = at + valueBytes(type);
    // Only the last value may be cut: of those behind it nothing would be known.
    if (end > bytes.length && values.length < types.length - 1) return undefined;
    values.push(valueIn(type, bytes.subarray(at, end)));
    at = end;
  }
  return { values, isCut: bytes.length < length };
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function valueBytes(type: number): number {
  return type < 12 ? (INTEGER_BYTES[type] ?? 0) : Math.floor((type - 12) / 2);
}

function valueIn(type: number, bytes: Buffer): SalvagedValue {
  if (type === 0) return null;
  if (type <= 5) return bytes.readIntBE(0, bytes.length);
  if (type === 6) return Number(bytes.readBigInt64BE());
  if (type === 7) return bytes.readDoubleBE();
  if (type <= 9) return type - 8;
  return type % 2 === 0 ? bytes : bytes.toString('utf8');
}

function varint(bytes: Buffer, start: number): readonly [value: number, end: number] {
  let value = 0;
  for (let at = start; at < start + 8; at++) {
    const byte = bytes.readUInt8(at);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, at + 1];
  }
  return [value * 256 + bytes.readUInt8(start + 8), start + 9];
}
