import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { describeError, PipelineError } from '#runtime/errors.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const LINE_FEED = 0x0a;

/** A file that people or other programs wrote, as {@link utf8Text} takes it. @throws what reading threw, or {@link utf8Text} */
export function readText(file: string): string {
  return utf8Text(readFileSync(file));
}

/** All of a standard input. @throws PipelineError `usage` when it is no text */
export async function readStdinText(stdin: NodeJS.ReadableStream): Promise<string> {
  const bytes = await buffer(stdin);
  try {
    return utf8Text(bytes);
  } catch (cause) {
    throw new PipelineError('usage', `standard input: ${describeError(cause)}`, { cause });
  }
}

/**
 * Text as it was written: Windows puts a mark before it, which is left out; and what is no UTF-8 is told. Decoded in any case,
 * it would come out as other characters without a word: a password in Latin-1 that lets nobody in.
 *
 * @throws Error naming the line
 */
export function utf8Text(bytes: Uint8Array): string {
  const mark = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  if (mark === 0xfffe || mark === 0xfeff) throw new Error('it is UTF-16 text, expected UTF-8');
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new Error(`line ${firstWrongLine(bytes)} is not UTF-8 text`);
  }
}

function firstWrongLine(bytes: Uint8Array): number {
  for (let line = 1, from = 0; ; line++) {
    const end = bytes.indexOf(LINE_FEED, from);
    try {
      UTF8.decode(bytes.subarray(from, end === -1 ? undefined : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    from = end + 1;
  }
}
