import { closeSync, fstatSync, openSync } from 'node:fs';
import { readWhole } from './read-whole.ts';
import { readWal } from './wal-frames.ts';

const DEFAULT_PAGE_BYTES = 4096;
export const FILE_HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';

/**
 * The pages of a database as the bytes on the disk have them, without SQLite: of a page that stands in the write-ahead
 * log, its last whole copy there. https://www.sqlite.org/fileformat2.html
 */
export class FilePages implements Disposable {
  readonly pageBytes: number;
  readonly count: number;
  /** Whether the first page, which says where everything is, is one. */
  readonly hasHeader: boolean;
  /** Whether SQLite sees every commit of the write-ahead log. */
  readonly isWalWhole: boolean;
  readonly #file: number;
  readonly #wal: number | undefined;
  readonly #inWal: ReadonlyMap<number, number>;

  constructor(file: string) {
    this.#file = openSync(file, 'r');
    const wal = readWal(file);
    this.#wal = wal.fd;
    this.#inWal = wal.pages;
    this.pageBytes = wal.pageBytes ?? this.#headerPageBytes() ?? DEFAULT_PAGE_BYTES;
    // A page that was cut is lost: with zeros for the rest, a row of it could look whole.
    let last = Math.floor(fstatSync(this.#file).size / this.pageBytes);
    for (const page of this.#inWal.keys()) last = Math.max(last, page);
    this.count = last;
    this.isWalWhole = wal.hiddenCommits === 0;
    this.hasHeader = this.count > 0 && this.read(1).toString('latin1', 0, MAGIC.length) === MAGIC;
  }

  /** Zeros where there is nothing, or nothing that the disk can read. @param page from 1 on. */
  read(page: number): Buffer {
    const bytes = Buffer.alloc(this.pageBytes);
    const inWal = this.#inWal.get(page);
    if (inWal !== undefined && this.#wal !== undefined) readWhole(this.#wal, bytes, inWal);
    else readWhole(this.#file, bytes, (page - 1) * this.pageBytes);
    return bytes;
  }

  /** Pages that hold nothing any more: what stands there was removed. Empty when the first page is lost. */
  free(): ReadonlySet<number> {
    const free = new Set<number>();
    if (!this.hasHeader) return free;
    for (let trunk = this.read(1).readUInt32BE(32); this.#exists(trunk) && !free.has(trunk); ) {
      free.add(trunk);
      const bytes = this.read(trunk);
      const leaves = Math.min(bytes.readUInt32BE(4), this.pageBytes / 4 - 2);
      for (let leaf = 0; leaf < leaves; leaf++) free.add(bytes.readUInt32BE(8 + 4 * leaf));
      trunk = bytes.readUInt32BE(0);
    }
    return free;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    if (this.#wal !== undefined) closeSync(this.#wal);
  }

  #exists(page: number): boolean {
    return page >= 1 && page <= this.count;
  }

  #headerPageBytes(): number | undefined {
    const header = Buffer.alloc(FILE_HEADER_BYTES);
    readWhole(this.#file, header, 0);
    if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
    const size = header.readUInt16BE(16);
    const bytes = size === 1 ? 65_536 : size;
    return bytes >= 512 && Number.isInteger(Math.log2(bytes)) ? bytes : undefined;
  }
}
