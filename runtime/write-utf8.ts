const LAST_ASCII = 0x7f;

/** UTF-8 takes at most so many bytes for each of a string's `length`. */
export const MOST_BYTES_OF_A_CODE_UNIT = 3;

/**
 * Writes text as UTF-8, as `Buffer.write` does, for many short texts that are mostly ASCII: the way into C++ and back
 * costs five times as much as this loop. Lone surrogates become U+FFFD.
 *
 * @param into must have room for `MOST_BYTES_OF_A_CODE_UNIT` times the text's length.
 * @returns where the text ends
 */
export function writeUtf8(into: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > LAST_ASCII) return at + into.write(text, at);
    into[at + i] = code;
  }
  return at + text.length;
}
