import type { SalvagedRow, SalvagedValue } from '#sqlite/salvaged-rows.ts';

/** What a row of a damaged log file says. */
export type SalvagedLogRow =
  | { readonly kind: 'topic'; readonly id: number; readonly values: readonly SalvagedValue[] }
  /** Of an index: so far nothing but its name. */
  | { readonly kind: 'topic-name'; readonly id: number; readonly name: string }
  | { readonly kind: 'batch'; readonly topicId: number; readonly batch: SalvagedBatch }
  /** Of an index: such a row was there. */
  | { readonly kind: 'batch-place'; readonly topicId: number; readonly baseOffset: number }
  | { readonly kind: 'group'; readonly values: readonly SalvagedValue[] }
  | { readonly kind: 'state'; readonly values: readonly SalvagedValue[] };

export interface SalvagedBatch {
  readonly baseOffset: number;
  readonly records: number;
  readonly timestamp: number;
  readonly seenAt: number | null;
  readonly key: Uint8Array | null;
  readonly isTombstone: number;
  readonly isDeflated: number;
  readonly shareBytes: number | null;
  readonly payload: Uint8Array;
}

/** The tables are told apart by the shapes of their rows; see `log-file.ts`. `undefined`: none that is needed. */
export function salvagedLogRow({ isIndex, rowid, values }: SalvagedRow): SalvagedLogRow | undefined {
  const [first, second, third, fourth, fifth] = values;
  if (!isIndex && first === null && isText(second) && (third === 'delete' || third === 'compact')) {
    return isCount(fourth) && isCount(fifth) ? { kind: 'topic', id: rowid, values } : undefined;
  }
  if (!isIndex && values.length === 4 && first === null && isText(third) && isCount(fourth)) {
    return isCount(second) ? { kind: 'state', values } : undefined;
  }
  if (isIndex && values.length === 2 && isText(first) && isCount(second)) {
    return { kind: 'topic-name', id: second, name: first };
  }
  if (isIndex && values.length === 3 && isCount(first) && isCount(second) && isCount(third)) {
    return { kind: 'batch-place', topicId: first, baseOffset: second };
  }
  if (isIndex && values.length === 4 && isCount(first) && isText(second)) {
    return Number.isSafeInteger(third) && isCount(fourth) ? { kind: 'group', values } : undefined;
  }
  return isIndex ? undefined : batchRow(values);
}

function batchRow(values: readonly SalvagedValue[]): SalvagedLogRow | undefined {
  const [topicId, baseOffset, records, timestamp] = values;
  // Version 1 had no columns behind the payload; its rows got them there.
  const isFirstVersion = values[6] instanceof Uint8Array && values.length < 11;
  const [seenAt, key, isTombstone, isDeflated, shareBytes, payload] = isFirstVersion
    ? [values[7] ?? null, values[4], values[5], values[8] ?? 0, values[9] ?? null, values[6]]
    : values.slice(4);
  if (!(isCount(topicId) && isCount(baseOffset) && isCount(records) && isCount(timestamp))) return undefined;
  if (records < 1 || !isCountOrNull(seenAt) || !isCountOrNull(shareBytes)) return undefined;
  if (!(isFlag(isTombstone) && isFlag(isDeflated) && payload instanceof Uint8Array)) return undefined;
  if (!(key instanceof Uint8Array) && (key !== null || shareBytes !== null)) return undefined;
  const batch = { baseOffset, records, timestamp, seenAt, key, isTombstone, isDeflated, shareBytes, payload };
  return { kind: 'batch', topicId, batch };
}

type Value = SalvagedValue | undefined;

function isCount(value: Value): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCountOrNull(value: Value): value is number | null {
  return value === null || isCount(value);
}

function isFlag(value: Value): value is number {
  return value === 0 || value === 1;
}

function isText(value: Value): value is string {
  return typeof value === 'string';
}
