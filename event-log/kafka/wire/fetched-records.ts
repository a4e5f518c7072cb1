import { crc32c } from '@node-rs/crc32';
import { describeError } from '#runtime/errors.ts';
import { type BatchContext, DamagedBatch, FetchedRecord, FetchedUpTo } from './fetched-record.ts';
import { RecordReader } from './record-reader.ts';

/** The codec of a batch with these attributes; null = not compressed. */
export type FindCodec = (attributes: number) => { decompress(data: Buffer): Promise<Buffer> } | null;

/** Of the batch header; the batch's length counts from behind its own field. */
const LENGTH_AT = 8;
const AFTER_LENGTH = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const FIRST_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const RECORD_COUNT_AT = 57;
const HEADER_BYTES = 61;

/** Brokers convert what old producers send; only what was written before an upgrade may be in an older format. */
const KNOWN_FORMAT = 2;
/** All formats have offset, length, checksum and format number in the same place. */
const LEAST_BYTES = MAGIC_AT + 1;

const LOG_APPEND_TIME = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Of one answer: a mebibyte may hold a gigabyte. The batches behind it are fetched again, as one that is cut off is. */
const MOST_UNPACKED_BYTES = 32 * 1024 * 1024;

/** What was asked for, and what is known of the partition. */
export interface FetchedRange {
  /** Offset that was asked for: the first batch may begin before it. */
  readonly from: number;
  /** Offset behind everything that the partition holds. */
  readonly end: number;
  /** Offset that the broker itself cannot read: a length there beyond what was fetched is a wrong one. */
  readonly damagedAt?: number | undefined;
}

/**
 * Decodes record batches, format version 2 (https://kafka.apache.org/documentation/#recordbatch), as a broker sends
 * them: complete ones, except that the last may be cut off; that one is left out. Ours because kafkajs builds three
 * decoders, five big integers and a copy of the headers for each header of each record: 3 µs of CPU where this takes
 * a fifth of it.
 *
 * A broker sends what its disk gives, and checks nothing. What cannot be read becomes one {@link DamagedBatch}, and the
 * next batch is read: the one behind it or, where its length may be what is damaged, the next one with a right
 * checksum. Offset and length of a batch stand outside its checksum: they are held against their neighbours'. Never throws.
 */
export async function decodeRecordBatches(
  bytes: Buffer,
  findCodec: FindCodec,
  { from, end, damagedAt = -1 }: FetchedRange = { from: 0, end: Infinity },
): Promise<FetchedRecord[]> {
  const records: FetchedRecord[] = [];
  let last: Buffer | undefined;
  let unpacked = 0;
  for (let at = 0; at + LEAST_BYTES <= bytes.length && unpacked < MOST_UNPACKED_BYTES; ) {
    const left = { from: Math.max(from, (records.at(-1)?.position ?? -1) + 1), end };
    let after: number | undefined = endOf(bytes, at);
    const isCutOff = after > bytes.length && at > 0 && left.from > damagedAt;
    if (isCutOff) break;
    const before = records.length;
    const isLengthPossible = after >= at + LEAST_BYTES && after <= bytes.length;
    try {
      if (!isLengthPossible) throw new Error('its length is not possible');
      const batch = bytes.subarray(at, after);
      assertWhole(batch);
      assertInPlace(batch, bytes.subarray(after), left, records.length === 0);
      unpacked += await unpack(batch, findCodec, records);
      last = batch;
    } catch (error) {
      records.length = before;
      const isLengthRight =
        isLengthPossible && (after === bytes.length || baseOf(bytes, after, left) !== undefined);
      if (!isLengthRight) after = findBatch(bytes, at + 1, left);
      const next = after === undefined ? undefined : baseOf(bytes, after, left);
      // Else it stood before what was asked for.
      if (next === undefined || next > left.from) {
        const time = after === undefined ? undefined : timeOf(bytes.subarray(after));
        const known = { next, times: [records.at(-1)?.timestamp, time] };
        records.push(damaged(bytes.subarray(at, after), left, known, describeError(error)));
      }
      if (after === undefined) return records;
    }
    at = after;
  }
  if (last !== undefined) sayHowFar(last, records);
  return records;
}

/** After the records of the last batch, where they do not say it themselves. */
function sayHowFar(lastBatch: Buffer, records: FetchedRecord[]): void {
  const last = records.at(-1);
  if (last instanceof DamagedBatch) return;
  const upTo = Number(lastBatch.readBigInt64BE(0)) + lastBatch.readInt32BE(LAST_OFFSET_DELTA_AT);
  const mayBeFiltered = (lastBatch.readInt16BE(ATTRIBUTES_AT) & (TRANSACTIONAL | CONTROL)) !== 0;
  if (last !== undefined && last.position >= upTo && !mayBeFiltered) return;
  const position = Math.max(upTo, last?.position ?? 0);
  records.push(new FetchedUpTo(position, Number(lastBatch.readBigInt64BE(MAX_TIMESTAMP_AT))));
}

/**
 * Where a damaged batch ends is told best by the batch behind it; its own header may be what is damaged. What it says is
 * believed within the partition only.
 */
function damaged(
  batch: Buffer,
  { from, end }: FetchedRange,
  { next, times }: { readonly next: number | undefined; readonly times: readonly (number | undefined)[] },
  why: string,
): DamagedBatch {
  const isKnown = batch[MAGIC_AT] === KNOWN_FORMAT && batch.length >= HEADER_BYTES;
  const own = isKnown ? Number(batch.readBigInt64BE(0)) : from;
  const first = own >= from && own < (next ?? end) ? own : from;
  const ownLast = first + (isKnown ? Math.max(0, batch.readInt32BE(LAST_OFFSET_DELTA_AT)) : 0);
  const last = next === undefined ? Math.max(first, Math.min(ownLast, end - 1)) : next - 1;
  const timestamp = [isKnown ? timeOf(batch) : undefined, ...times].find((time) => time !== undefined) ?? 0;
  return new DamagedBatch(first, last, timestamp, batch, why);
}

const endOf = (bytes: Buffer, at: number) => at + AFTER_LENGTH + bytes.readInt32BE(at + LENGTH_AT);

/** First offset of the batch that stands at `at`; undefined where none does that can be in this range. */
function baseOf(bytes: Buffer, at: number, { from, end }: FetchedRange): number | undefined {
  if (at + LEAST_BYTES > bytes.length || endOf(bytes, at) < at + LEAST_BYTES) return undefined;
  const base = Number(bytes.readBigInt64BE(at));
  return base >= from && base < end ? base : undefined;
}

/** Where the next whole batch of this range stands from `at` on. */
function findBatch(bytes: Buffer, at: number, range: FetchedRange): number | undefined {
  for (let start = at; start + HEADER_BYTES <= bytes.length; start++) {
    if (standsAt(bytes, start, range)) return start;
  }
  return undefined;
}

/** A batch of this range, whole and unharmed. */
function standsAt(bytes: Buffer, at: number, range: FetchedRange): boolean {
  if (bytes[at + MAGIC_AT] !== KNOWN_FORMAT || baseOf(bytes, at, range) === undefined) return false;
  const end = endOf(bytes, at);
  return end >= at + HEADER_BYTES && end <= bytes.length && hasRightChecksum(bytes.subarray(at, end));
}

/** The last time in a batch, if it can be one. */
function timeOf(batch: Buffer): number | undefined {
  if (batch.length < HEADER_BYTES) return undefined;
  const time = Number(batch.readBigInt64BE(MAX_TIMESTAMP_AT));
  return time > 0 && time < NO_TIME_FROM ? time : undefined;
}

/** The year 2200: no time stamp is later. */
const NO_TIME_FROM = 7_258_118_400_000;

const hasRightChecksum = (batch: Buffer) =>
  crc32c(batch.subarray(ATTRIBUTES_AT)) === batch.readUInt32BE(CRC_AT);

/** @throws Error when this is no batch that we know, or not what was written */
function assertWhole(batch: Buffer): void {
  const format = batch[MAGIC_AT];
  if (format !== KNOWN_FORMAT) throw new Error(`it has format ${format}, known is ${KNOWN_FORMAT}`);
  if (batch.length < HEADER_BYTES) throw new Error('it ends within its header');
  if (!hasRightChecksum(batch)) throw new Error('wrong checksum');
}

/**
 * @param behind what follows it
 * @param isFirst of the answer: it may begin before what was asked for
 * @throws Error when it cannot have been written here
 */
function assertInPlace(batch: Buffer, behind: Buffer, range: FetchedRange, isFirst: boolean): void {
  const base = Number(batch.readBigInt64BE(0));
  const last = base + batch.readInt32BE(LAST_OFFSET_DELTA_AT);
  const begins = isFirst ? base >= 0 && last >= range.from : base >= range.from;
  // A damaged offset leads a broker here, whatever was asked for.
  const inPartition = { from: 0, end: range.end };
  const next = base > range.from ? baseOf(behind, 0, inPartition) : undefined;
  const overtakes = next !== undefined && last >= next && standsAt(behind, 0, inPartition);
  if (!begins || last >= range.end || overtakes) throw new Error(`its offset ${base} is not possible`);
}

/** @returns how many bytes compression saved @throws Error when the records cannot be read */
async function unpack(batch: Buffer, findCodec: FindCodec, into: FetchedRecord[]): Promise<number> {
  const codec = findCodec(batch.readInt16BE(ATTRIBUTES_AT));
  const packed = batch.subarray(HEADER_BYTES);
  const body = codec === null ? packed : await codec.decompress(packed);
  decodeRecords(batch, body, into);
  return body.length - packed.length;
}

function decodeRecords(header: Buffer, body: Buffer, into: FetchedRecord[]): void {
  const attributes = header.readInt16BE(ATTRIBUTES_AT);
  const firstOffset = header.readBigInt64BE(0);
  const context: BatchContext = {
    firstOffset: String(firstOffset),
    lastOffsetDelta: header.readInt32BE(LAST_OFFSET_DELTA_AT),
    producerId: String(header.readBigInt64BE(PRODUCER_ID_AT)),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
  };
  const byLog = (attributes & LOG_APPEND_TIME) !== 0;
  const time = Number(header.readBigInt64BE(byLog ? MAX_TIMESTAMP_AT : FIRST_TIMESTAMP_AT));
  const isControl = (attributes & CONTROL) !== 0;
  const reader = new RecordReader(body);
  for (let left = header.readInt32BE(RECORD_COUNT_AT); left > 0; left--) {
    const end = reader.readVarint() + reader.at;
    reader.at++; // attributes: none are defined
    const delta = reader.readVarint();
    const position = Number(firstOffset) + reader.readVarint();
    const key = reader.readBytes();
    const value = reader.readBytes();
    const headers = reader.readHeaders();
    if (reader.at > end || end > body.length) throw new RangeError('a record ends elsewhere than it says');
    into.push(
      new FetchedRecord(position, byLog ? time : time + delta, key, value, headers, isControl, context),
    );
    reader.at = end;
  }
}
