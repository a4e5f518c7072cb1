import { fstatSync, openSync } from 'node:fs';
import { realFile } from '#runtime/real-file.ts';
import { readWhole } from './read-whole.ts';

const HEADER_BYTES = 32;
const FRAME_BYTES = 24;
/** Last bit: the checksums read words as big-endian. */
const MAGIC = 0x37_7f_06_82;
const DEFAULT_PAGE_BYTES = 4096;
const PAGE_SIZES = [DEFAULT_PAGE_BYTES, 1024, 2048, 8192, 16_384, 32_768, 65_536, 512];

export interface WalFrames {
  /** To read the pages with; `undefined` when there is no write-ahead log. The caller closes it. */
  readonly fd: number | undefined;
  readonly pageBytes: number | undefined;
  /** Where the last whole, committed copy of each page stands. */
  readonly pages: ReadonlyMap<number, number>;
  /**
   * Commits that SQLite does not see: it stops at the first frame that is damaged, without a word. One alone may be a torn
   * transaction that was under way when the power went, and of which nobody was told that it is durable.
   */
  readonly hiddenCommits: number;
}

/** Frames of one round bear its salt; later ones overwrite those of the round before from the beginning on. */
interface Round {
  readonly pageBytes: number;
  readonly salt: Buffer;
  /** What the checksum of the first frame goes on from; missing without a header. */
  readonly sum?: Buffer;
  readonly isBigEndian: boolean;
}

interface Frame {
  readonly page: number;
  readonly isCommit: boolean;
  readonly at: number;
  readonly isWhole: boolean;
}

/**
 * The frames of the write-ahead log beside `file`. Each carries the salt of the log's present round and a checksum that
 * goes on from the one before, so that whole frames are known behind a damaged one, and also without the header.
 */
export function readWal(file: string): WalFrames {
  let fd: number;
  try {
    fd = openSync(`${realFile(file)}-wal`, 'r');
  } catch {
    return { fd: undefined, pageBytes: undefined, pages: new Map(), hiddenCommits: 0 };
  }
  const header = Buffer.alloc(HEADER_BYTES);
  readWhole(fd, header, 0);
  const hasHeader = (header.readUInt32BE(0) & ~1) >>> 0 === MAGIC && sumIsRight(header);
  const round = hasHeader ? roundOf(header) : findRound(fd);
  const pages = new Map<number, number>();
  let hiddenCommits = 0;
  let pending: Frame[] = [];
  let isSeen = hasHeader;
  for (const frame of round === undefined ? [] : framesOf(fd, round)) {
    isSeen &&= frame.isWhole;
    if (!frame.isWhole) continue;
    pending.push(frame);
    if (!frame.isCommit) continue;
    for (const { page, at } of pending) pages.set(page, at);
    pending = [];
    if (!isSeen) hiddenCommits++;
  }
  return { fd, pageBytes: pages.size > 0 ? round?.pageBytes : undefined, pages, hiddenCommits };
}

/** One whose predecessor is lost counts as whole: it bears the salt of this round, and rows have to add up anyway. */
function* framesOf(fd: number, { pageBytes, salt, sum, isBigEndian }: Round): Generator<Frame> {
  const { size } = fstatSync(fd);
  const frame = Buffer.alloc(FRAME_BYTES + pageBytes);
  let before = sum;
  for (let at = HEADER_BYTES; at + frame.length <= size; at += frame.length) {
    readWhole(fd, frame, at);
    const isOfRound = salt.equals(frame.subarray(8, 16));
    const isWhole =
      isOfRound && (before === undefined || frameSumIsRight(frame, { sum: before, isBigEndian }));
    yield {
      page: frame.readUInt32BE(0),
      isCommit: frame.readUInt32BE(4) > 0,
      at: at + FRAME_BYTES,
      isWhole,
    };
    before = isOfRound ? Buffer.from(frame.subarray(16, 24)) : undefined;
  }
}

function roundOf(header: Buffer): Round {
  return {
    pageBytes: header.readUInt32BE(8),
    salt: header.subarray(16, 24),
    sum: header.subarray(24, 32),
    isBigEndian: header.readUInt32BE(0) % 2 === 1,
  };
}

function frameSumIsRight(
  frame: Buffer,
  { sum, isBigEndian }: { readonly sum: Buffer; readonly isBigEndian: boolean },
): boolean {
  const start: Sum = [sum.readUInt32BE(0), sum.readUInt32BE(4)];
  const headed = checksum(frame.subarray(0, 8), isBigEndian, start);
  const [s0, s1] = checksum(frame.subarray(FRAME_BYTES), isBigEndian, headed);
  return s0 === frame.readUInt32BE(16) && s1 === frame.readUInt32BE(20);
}

function sumIsRight(header: Buffer): boolean {
  const [s0, s1] = checksum(header.subarray(0, 24), header.readUInt32BE(0) % 2 === 1, [0, 0]);
  return s0 === header.readUInt32BE(24) && s1 === header.readUInt32BE(28);
}

type Sum = readonly [number, number];

function checksum(bytes: Buffer, isBigEndian: boolean, [start0, start1]: Sum): Sum {
  let s0 = start0;
  let s1 = start1;
  for (let at = 0; at < bytes.length; at += 8) {
    s0 = (s0 + (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + s1) >>> 0;
    s1 = (s1 + (isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + s0) >>> 0;
  }
  return [s0, s1];
}

/** SQLite writes the order of this machine, and a file may come from another only with its header. */
function nativeIsBigEndian(): boolean {
  return new Uint8Array(new Uint32Array([1]).buffer)[0] === 0;
}

/** Without a header: the first two frames of which the second goes on from the first say which round this is. */
function findRound(fd: number): Round | undefined {
  const { size } = fstatSync(fd);
  const isBigEndian = nativeIsBigEndian();
  for (const pageBytes of PAGE_SIZES) {
    const [one, two] = [Buffer.alloc(FRAME_BYTES), Buffer.alloc(FRAME_BYTES + pageBytes)];
    for (let at = HEADER_BYTES; at + 2 * two.length <= size; at += two.length) {
      readWhole(fd, one, at);
      readWhole(fd, two, at + two.length);
      if (one.readUInt32BE(0) === 0 || one.compare(two, 8, 16, 8, 16) !== 0) continue;
      const sum = one.subarray(16, 24);
      if (frameSumIsRight(two, { sum, isBigEndian }))
        return { pageBytes, salt: one.subarray(8, 16), isBigEndian };
    }
  }
  return undefined;
}
