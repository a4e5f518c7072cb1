import { isUtf8 } from 'node:buffer';
import { terminalText } from '#runtime/terminal-text.ts';

/** The text of a payload; `undefined` when it is none. */
export function textOf(payload: Uint8Array): string | undefined {
  return isUtf8(payload) ? Buffer.from(payload).toString('utf8') : undefined;
}

/** Where bytes stop being UTF-8: decoding replaces what is wrong, so the first difference is there. */
export function firstInvalidByte(payload: Uint8Array): number | undefined {
  if (isUtf8(payload)) return undefined;
  const repaired = Buffer.from(Buffer.from(payload).toString('utf8'));
  return payload.findIndex((byte, at) => byte !== repaired[at]);
}

/** Lines of text that are safe for a terminal; the payload's own line breaks stay. */
export function textLines(text: string): string[] {
  return text.split(/\r?\n/).map(terminalText);
}

const BYTES_PER_LINE = 16;

/** Offset, bytes, and what of them is printable ASCII, as `hexdump -C` has it. */
export function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += BYTES_PER_LINE) {
    const row = Buffer.from(bytes.subarray(offset, offset + BYTES_PER_LINE));
    const hex = row
      .toString('hex')
      .replace(/../g, '$& ')
      .padEnd(BYTES_PER_LINE * 3);
    const ascii = row.toString('latin1').replace(/[^ -~]/g, '.');
    lines.push(`${offset.toString(16).padStart(6, '0')}  ${hex} ${ascii}`);
  }
  return lines;
}
