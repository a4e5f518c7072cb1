import Table from 'cli-table3';
import { terminalText } from '#runtime/terminal-text.ts';

/**
 * Writes, and waits while the reader is slower than we are, for as long as there is one: `… | head` goes when it has seen
 * enough. What an error of the stream means is decided where all outputs are (`runCommand`).
 */
export async function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  if (stream.write(text) || !stream.writable) return;
  await new Promise<void>((resolve) => {
    const events = ['drain', 'error', 'close'];
    const goOn = (): void => {
      for (const event of events) stream.off(event, goOn);
      resolve();
    };
    for (const event of events) stream.once(event, goOn);
  });
}

/**
 * A table as plain text, without frames, so that `grep` and `awk` get on with it, and without colours. Every cell is
 * made safe for a terminal here, the one place that all tables pass.
 */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', left: '', right: '' };
  const chars = { ...none, bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', mid: '' };
  const table = new Table({
    head: [...head],
    chars: { ...chars, 'left-mid': '', 'mid-mid': '', 'right-mid': '', middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(row.map(terminalText));
  const lines = table.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
