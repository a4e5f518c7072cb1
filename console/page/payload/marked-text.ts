/** A stretch of a payload: as it came, and which fault is in it. */
export interface Stretch {
  readonly text: string;
  /** Index of the first of the faults that are here; `undefined` = none. */
  readonly fault: number | undefined;
}

export interface Mark {
  /** In UTF-16 units from 0; `null` = no single place. */
  readonly offset: number | null;
  readonly length: number;
}

/** The text, cut where marks begin and end. Marks beyond the text are at its end; what overlaps belongs to the first. */
export function markedStretches(text: string, marks: readonly Mark[]): Stretch[] {
  const placed = marks
    .map(({ offset, length }, fault) => ({ from: offset ?? -1, length, fault }))
    .filter(({ from }) => from >= 0)
    .sort((a, b) => a.from - b.from);
  const stretches: Stretch[] = [];
  let at = 0;
  for (const { from, length, fault } of placed) {
    const start = Math.max(at, Math.min(from, text.length));
    const end = Math.min(text.length, Math.max(start, from + Math.max(1, length)));
    if (end <= at && start < text.length) continue;
    if (start > at) stretches.push({ text: text.slice(at, start), fault: undefined });
    stretches.push({ text: text.slice(start, end), fault });
    at = end;
  }
  if (at < text.length) stretches.push({ text: text.slice(at), fault: undefined });
  return stretches;
}

const BYTES_PER_LINE = 16;

/** Of bytes that are no text: offset, hexadecimal, and what of it is ASCII. */
export function hexLines(bytes: Uint8Array, limit = 512): string[] {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, limit); at += BYTES_PER_LINE) {
    const row = [...bytes.subarray(at, Math.min(at + BYTES_PER_LINE, limit))];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(BYTES_PER_LINE * 3 - 1)}  ${ascii}`);
  }
  return lines;
}
