/**
 * Characters that a browser does not draw, or that change how others are drawn: control characters (C0, C1), soft hyphen,
 * zero-width and bidirectional marks, line and paragraph separators, tags, lone surrogates.
 */
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/**
 * What devices wrote, as it can be read: what is invisible is shown (`⟨U+001B⟩`, `⟨U+202E⟩`), so that no text can hide a part of
 * itself or turn its neighbours around.
 *
 * @param keep characters that stay as they are, such as line ends in a payload.
 */
export function visibleText(text: string, keep = ''): string {
  return text.replace(INVISIBLE, (character) =>
    keep.includes(character) ? character : pictureOf(character),
  );
}

function pictureOf(character: string): string {
  const code = character.codePointAt(0) as number;
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/**
 * The same for text that somebody edits: what is invisible as JSON writes it (`\u202e`), which means the same in a string.
 * Line ends and tabs stay.
 */
export function editableText(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    '\n\t'.includes(character) ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
  ).join('');
}
