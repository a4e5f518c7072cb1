import type { DeviceBook, Ledger } from './ledger.ts';

/** The answer of `--verify`, all in readings: sent = stored + deadLettered + pending + missing. */
export interface Verification {
  readonly sent: number;
  readonly acked: number;
  /** Of those sent; expected as dead letters. */
  readonly malformed: number;
  /** In the store, as they were sent. */
  readonly stored: number;
  /** In the dead letters and not in the store. */
  readonly deadLettered: number;
  /** Never acknowledged and not found: the pipeline owes nothing for them. */
  readonly pending: number;
  /** Acknowledged and not found, or stored with other content than was sent. */
  readonly missing: number;
  /** Letters beyond the first of a reading, and letters of readings that are stored as well. Harmless (P2). */
  readonly duplicates: number;
  readonly ok: boolean;
  readonly missingReadings: readonly MissingReading[];
}

interface MissingReading {
  readonly device: string;
  readonly seq: number;
  readonly ts: number;
  readonly expected: 'stored' | 'dead-lettered';
  /** What was found instead. */
  readonly found: 'nothing' | 'other content';
}

const LISTED = 100;

/** The books as they stand. */
export function closeBooks(ledger: Ledger, duplicates: number): Verification {
  const totals = { sent: 0, acked: 0, malformed: 0, stored: 0, deadLettered: 0, pending: 0, missing: 0 };
  const missingReadings: MissingReading[] = [];
  for (const book of ledger.devices) {
    totals.sent += book.length;
    for (let seq = 0; seq < book.length; seq++) {
      if (book.isAcked(seq)) totals.acked++;
      if (book.isMalformed(seq)) totals.malformed++;
      if (book.isDeadLettered(seq)) totals.deadLettered++;
      else if (book.isSettled(seq)) totals.stored++;
      else if (!isOwed(book, seq)) totals.pending++;
      else {
        totals.missing++;
        if (missingReadings.length < LISTED) missingReadings.push(missingReading(book, seq));
      }
    }
  }
  return { ...totals, duplicates, ok: totals.missing === 0, missingReadings };
}

/** The pipeline has to account for it. */
export function isOwed(book: DeviceBook, seq: number): boolean {
  return !book.isSettled(seq) && (book.isAcked(seq) || book.isChanged(seq));
}

function missingReading(book: DeviceBook, seq: number): MissingReading {
  return {
    device: book.id,
    seq,
    ts: book.ts(seq),
    expected: book.isMalformed(seq) ? 'dead-lettered' : 'stored',
    found: book.isChanged(seq) ? 'other content' : 'nothing',
  };
}
