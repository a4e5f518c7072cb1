import type { AppendRecord, RecordHeaders } from '#contract/log-record.ts';

/*
 * Records are stored as Kafka stores them: several in one. Those that are appended together and go to one topic are packed
 * into one byte string, which crosses to the writer thread without being copied, becomes one row of the file, and comes
 * back as one row. A row per record would cost the writer thread, the file and the reader several times as much.
 *
 * Each record: key length (u32), value length (i32, -1 = null), length of headers (u32), key (UTF-8), value, headers
 * (JSON object of strings); little-endian. Number of records, first offset and timestamp are columns of the row.
 */
const PREFIX_BYTES = 12;
const FIRST_BYTES = 4 * 1024;
/** UTF-8 bytes that one UTF-16 code unit takes at most. */
const MAX_BYTES_PER_UNIT = 3;

/** Packs records in the order in which they are added. */
export class RecordPacker {
  #buffer: Buffer<ArrayBuffer>;
  #length = 0;

  /** @param expectedBytes of all records; there may be more */
  constructor(expectedBytes = 0) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, expectedBytes));
  }

  get byteLength(): number {
    return this.#length;
  }

  add(record: AppendRecord): void {
    const { key, value } = record;
    const headers = textOf(record.headers);
    const valueLength = value === null ? 0 : value.length;
    this.#reserve(PREFIX_BYTES + MAX_BYTES_PER_UNIT * (key.length + headers.length) + valueLength);

    const buffer = this.#buffer;
    const start = this.#length;
    let at = start + PREFIX_BYTES;
    const keyLength = buffer.write(key, at);
    at += keyLength;
    if (value !== null) buffer.set(value, at);
    at += valueLength;
    const headersLength = buffer.write(headers, at);
    buffer.writeUInt32LE(keyLength, start);
    buffer.writeInt32LE(value === null ? -1 : valueLength, start + 4);
    buffer.writeUInt32LE(headersLength, start + 8);
    this.#length = at + headersLength;
  }

  /** The packed records, in memory of their own, which can be transferred. The builder must not be used afterwards. */
  build(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 4));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

let lastHeaders: RecordHeaders | undefined;
let lastText = '';

/** Records that follow each other often share their headers. */
function textOf(headers: RecordHeaders): string {
  if (headers !== lastHeaders) {
    lastHeaders = headers;
    lastText = JSON.stringify(headers);
  }
  return lastText;
}

/** One record inside a batch: where its parts stand. */
export interface RecordSpan {
  readonly start: number;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueEnd: number;
  readonly end: number;
  readonly valueIsNull: boolean;
}

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** The record that begins at `start`, of a batch that ends at `limit`; `undefined` when these bytes are none. */
export function spanAt(buffer: Buffer, start: number, limit: number): RecordSpan | undefined {
  const keyStart = start + PREFIX_BYTES;
  if (keyStart > limit) return undefined;
  const keyEnd = keyStart + buffer.readUInt32LE(start);
  const valueLength = buffer.readInt32LE(start + 4);
  const valueEnd = keyEnd + Math.max(0, valueLength);
  const end = valueEnd + buffer.readUInt32LE(start + 8);
  if (end > limit || valueLength < -1) return undefined;
  // Headers are an object. Zeros, which a lost page becomes, would pass for records without key, value and headers.
  if (end < valueEnd + 2 || buffer[valueEnd] !== OPENING_BRACE || buffer[end - 1] !== CLOSING_BRACE)
    return undefined;
  return { start, keyStart, keyEnd, valueEnd, end, valueIsNull: valueLength < 0 };
}

function* spansOf(buffer: Buffer): Generator<RecordSpan> {
  for (let at = 0; at < buffer.length; ) {
    const span = spanAt(buffer, at, buffer.length);
    if (span === undefined) throw new RangeError('these bytes are no packed records');
    yield span;
    at = span.end;
  }
}

/** Packed records one by one, for a compacted topic, whose rows hold one record each. */
export function unpackRecords(
  payload: Uint8Array,
): { readonly key: Uint8Array; readonly isTombstone: boolean; readonly payload: Uint8Array }[] {
  const buffer = asBuffer(payload);
  return Array.from(spansOf(buffer), (span) => ({
    key: buffer.subarray(span.keyStart, span.keyEnd),
    isTombstone: span.valueIsNull,
    payload: buffer.subarray(span.start, span.end),
  }));
}

/** Packed, those records of `payload` for which `keep(index)` holds. */
export function keepRecords(payload: Uint8Array, keep: (index: number) => boolean): Uint8Array<ArrayBuffer> {
  const buffer = asBuffer(payload);
  const kept = Array.from(spansOf(buffer)).filter((_, index) => keep(index));
  const bytes = kept.reduce((total, span) => total + span.end - span.start, 0);
  const result = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const span of kept) at += buffer.copy(result, at, span.start, span.end);
  return result;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
