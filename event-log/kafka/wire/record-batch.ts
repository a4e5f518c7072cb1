import { crc32c } from '@node-rs/crc32';
import type { RecordHeaders } from '#contract/log-record.ts';
import { MOST_BYTES_OF_A_CODE_UNIT, writeUtf8 } from '#runtime/write-utf8.ts';

/**
 * Kafka's record batch, format version 2 (https://kafka.apache.org/documentation/#recordbatch), uncompressed, without
 * producer id. Written by us because kafkajs encodes each record and each header into a buffer of half a kilobyte of
 * its own: with three headers that took 12 of 17 µs of CPU per record, most of it garbage collection.
 *
 * What does not depend on a record's place in its batch is encoded once, when the record is appended; a retry only
 * copies it again.
 */
export function encodeRecordBody(key: string, value: Uint8Array | null, headers: RecordHeaders): Buffer {
  const names = Object.keys(headers);
  let most = MOST_VARINT_BYTES + key.length * MOST_BYTES_OF_A_CODE_UNIT;
  most += 2 * MOST_VARINT_BYTES + (value?.length ?? 0);
  for (const name of names) {
    const characters = name.length + (headers[name] ?? '').length;
    most += 2 * MOST_VARINT_BYTES + characters * MOST_BYTES_OF_A_CODE_UNIT;
  }
  // Made where there is room for sure, then kept in as many bytes as it took.
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * most);
  const body = scratch;

  let at = writeText(body, 0, key);
  at = writeVarint(body, at, value === null ? -1 : value.length);
  if (value !== null) {
    body.set(value, at);
    at += value.length;
  }
  at = writeVarint(body, at, names.length);
  for (const name of names) at = writeText(body, writeText(body, at, name), headers[name] ?? '');
  const kept = Buffer.allocUnsafe(at);
  body.copy(kept, 0, 0, at);
  return kept;
}

const MOST_VARINT_BYTES = 5;
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** The key of {@link encodeRecordBody}, as bytes. */
export function keyOf(body: Buffer): Buffer {
  return fieldAt(body, 0) ?? body.subarray(0, 0);
}

/** The value of {@link encodeRecordBody}. */
export function recordValueOf(body: Buffer): Buffer | null {
  const key = keyOf(body);
  return fieldAt(body, key.byteOffset - body.byteOffset + key.length);
}

/** Length and bytes; null for the length -1. */
function fieldAt(body: Buffer, start: number): Buffer | null {
  let zigzag = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = body[at++] ?? 0;
    zigzag |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return zigzag % 2 === 1 ? null : body.subarray(at, at + (zigzag >>> 1));
}

/** What a record takes in a batch beside its body, at most: two lengths, attributes and time. */
export const RECORD_FRAME_BYTES = 12;

const BATCH_HEADER_BYTES = 61;
const CRC_AT = 17;
const AFTER_CRC = 21;
const NONE = -1n;

/** @param now milliseconds; topics with `LogAppendTime` replace it */
export function encodeRecordBatch(bodies: readonly { readonly body: Buffer }[], now: number): Buffer {
  let capacity = BATCH_HEADER_BYTES;
  for (const { body } of bodies) capacity += body.length + RECORD_FRAME_BYTES;
  const batch = Buffer.allocUnsafe(capacity);
  let at = BATCH_HEADER_BYTES;
  for (const [offset, { body }] of bodies.entries()) {
    at = writeVarint(batch, at, 2 + varintSize(offset) + body.length);
    batch[at++] = 0; // attributes: none are defined
    batch[at++] = 0; // time since that of the batch
    at = writeVarint(batch, at, offset);
    batch.set(body, at);
    at += body.length;
  }
  batch.writeBigInt64BE(0n, 0); // first offset: the broker's to give
  batch.writeInt32BE(at - 12, 8); // bytes from here on
  batch.writeInt32BE(-1, 12); // leader epoch
  batch.writeInt8(2, 16); // format version
  batch.writeInt16BE(0, AFTER_CRC); // attributes: no compression, no transaction
  batch.writeInt32BE(bodies.length - 1, 23);
  batch.writeBigInt64BE(BigInt(now), 27); // first time
  batch.writeBigInt64BE(BigInt(now), 35); // last time
  batch.writeBigInt64BE(NONE, 43); // producer id
  batch.writeInt16BE(-1, 51); // producer epoch
  batch.writeInt32BE(-1, 53); // sequence
  batch.writeInt32BE(bodies.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(AFTER_CRC, at)), CRC_AT);
  return batch.subarray(0, at);
}

/** A batch that no broker will take. */
export function spoilChecksum(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.readInt32BE(CRC_AT) ^ 1, CRC_AT);
  return batch;
}

/** Its bytes, after their number. */
function writeText(into: Buffer, at: number, text: string): number {
  const start = writeVarint(into, at, text.length);
  const end = writeUtf8(into, start, text);
  const bytes = end - start;
  // Always for ASCII, and only then.
  if (bytes === text.length) return end;
  return writeUtf8(into, writeVarint(into, at, bytes), text);
}

/** Zigzag, then seven bits a byte, as in Protocol Buffers. */
function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

function writeVarint(into: Buffer, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  while (zigzag >= 0x80) {
    into[at++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  into[at++] = zigzag;
  return at;
}
