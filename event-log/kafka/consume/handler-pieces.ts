import type { LogRecord } from '#contract/log-record.ts';

export interface BatchLimits {
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
}

/** Cuts what was fetched into pieces that a handler takes at once; a record that is larger than `maxBatchBytes` comes alone. */
export function* handlerPieces(
  records: readonly LogRecord[],
  { maxBatchRecords, maxBatchBytes }: BatchLimits,
): Generator<readonly LogRecord[]> {
  let from = 0;
  let bytes = 0;
  for (const [index, { value }] of records.entries()) {
    const size = value?.length ?? 0;
    if (index > from && (index - from >= maxBatchRecords || bytes + size > maxBatchBytes)) {
      yield records.slice(from, index);
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield records.slice(from);
}
