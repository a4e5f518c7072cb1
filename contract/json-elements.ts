const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The exact bytes of each element of a JSON array, without surrounding white space, as views on `json`. A refused
 * element is kept as its device wrote it (numbers included, which parsing and writing again would change), and that
 * needs its place in the text. Called on the failure path only.
 *
 * @param json UTF-8 text that `JSON.parse` accepted as an array; other input gives a meaningless result.
 */
export function jsonArrayElements(json: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  let depth = 0;
  let start = -1;
  let end = -1;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
    const closes = byte === CLOSE_BRACKET || byte === CLOSE_BRACE;
    if (depth === 1 && (byte === COMMA || closes)) {
      if (start >= 0) elements.push(json.subarray(start, end));
      start = -1;
      if (closes) return elements;
      continue;
    }
    if (depth >= 1 && start < 0) start = at;
    if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++;
    else if (closes) depth--;
    else if (byte === QUOTE) at = endOfString(json, at);
    end = at + 1;
  }
  return elements;
}

function endOfString(json: Uint8Array, openingQuote: number): number {
  let at = openingQuote + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
