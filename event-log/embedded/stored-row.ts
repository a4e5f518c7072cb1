import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { unpackRecords } from './packed-records.ts';

/** A row of a topic with a share: consecutive records of one key. */
export interface KeyRow {
  readonly key: Uint8Array;
  readonly records: number;
  readonly payload: Uint8Array;
  readonly isDeflated: boolean;
}

/** What a row takes besides its payload: columns, indexes. About. Bytes. */
const ROW_OVERHEAD_BYTES = 120;
/** Below this, deflating gains nothing worth its time. Bytes. */
const DEFLATED_FROM_BYTES = 256;

/**
 * Cuts a batch where the key changes, and deflates each piece: the letters of one bad message differ in little but
 * their index, and would else take 165 bytes for each byte that the device sent.
 */
export function keyRows(batch: Uint8Array): KeyRow[] {
  const rows: KeyRow[] = [];
  let start = 0;
  let run: { readonly key: Uint8Array; records: number; bytes: number } | undefined;
  const end = (): void => {
    if (run === undefined) return;
    rows.push({ key: run.key, records: run.records, ...deflated(batch.subarray(start, start + run.bytes)) });
    start += run.bytes;
  };
  for (const { key, payload } of unpackRecords(batch)) {
    if (run === undefined || Buffer.compare(run.key, key) !== 0) {
      end();
      run = { key, records: 0, bytes: 0 };
    }
    run.records++;
    run.bytes += payload.length;
  }
  end();
  return rows;
}

export function rowBytes({ payload }: Pick<KeyRow, 'payload'>): number {
  return payload.length + ROW_OVERHEAD_BYTES;
}

/** The batch of a row. @throws RangeError when the bytes are damaged */
export function inflated(payload: Uint8Array, isDeflated: boolean): Uint8Array {
  if (!isDeflated) return payload;
  try {
    return inflateRawSync(payload);
  } catch (cause) {
    throw new RangeError('a deflated batch cannot be inflated', { cause });
  }
}

function deflated(payload: Uint8Array): Pick<KeyRow, 'payload' | 'isDeflated'> {
  if (payload.length < DEFLATED_FROM_BYTES) return { payload, isDeflated: false };
  const smaller = deflateRawSync(payload, { level: 1 });
  return smaller.length < 0.9 * payload.length
    ? { payload: smaller, isDeflated: true }
    : { payload, isDeflated: false };
}
