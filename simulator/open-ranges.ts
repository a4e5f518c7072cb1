import type { DeviceBook, Ledger } from './ledger.ts';

/** A stretch of time in which some devices have open entries. */
export interface OpenRange {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly deviceIds: readonly string[];
}

interface Stretch {
  from: number;
  to: number;
  readonly devices: Set<string>;
}

/** Open entries closer than this are asked for in one go, with whatever lies between them. */
const GAP_MS = 10_000;
/** How many stretches back an entry is compared: the present and the past that late readings come from interleave. */
const RECENT = 4;

/**
 * Where in the store the open entries of a ledger would be: few ranges when everything is open, narrow ones when a
 * few are, so that waiting for stragglers does not read the whole run again and again.
 */
export function openRanges(
  ledger: Ledger,
  isOpen: (book: DeviceBook, seq: number) => boolean,
): readonly OpenRange[] {
  const stretches = ledger.devices.flatMap((book) => stretchesOf(book, isOpen));
  stretches.sort((a, b) => a.from - b.from);
  const merged: Stretch[] = [];
  for (const stretch of stretches) {
    const last = merged.at(-1);
    if (last === undefined || stretch.from > last.to + GAP_MS) merged.push(stretch);
    else {
      last.to = Math.max(last.to, stretch.to);
      for (const device of stretch.devices) last.devices.add(device);
    }
  }
  return merged.map(({ from, to, devices }) => ({ fromMs: from, toMs: to + 1, deviceIds: [...devices] }));
}

function stretchesOf(book: DeviceBook, isOpen: (book: DeviceBook, seq: number) => boolean): Stretch[] {
  const stretches: Stretch[] = [];
  for (let seq = 0; seq < book.length; seq++) {
    if (!isOpen(book, seq)) continue;
    const ts = book.ts(seq);
    const near = stretches.slice(-RECENT).find(({ from, to }) => ts >= from - GAP_MS && ts <= to + GAP_MS);
    if (near === undefined) stretches.push({ from: ts, to: ts, devices: new Set([book.id]) });
    else {
      near.from = Math.min(near.from, ts);
      near.to = Math.max(near.to, ts);
    }
  }
  return stretches;
}
