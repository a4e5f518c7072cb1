/** A string with what follows it if that makes it a key, or a bracket. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;

/**
 * Whether a JSON text may have more members than `expected`, told by its colons: there is one for each member, duplicates
 * too, so equal numbers are proof that there is none. More may also be colons within strings: `duplicateKey` knows.
 */
export function mayHaveDuplicateKeys(text: string, expected: number): boolean {
  let colons = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    if (++colons > expected) return true;
  }
  return false;
}

/**
 * The first key that an object in a JSON text has twice, as it was meant (`"t\u0073"` is `ts`); `undefined` if none has.
 * JSON leaves open what such a text means (RFC 8259, 4), and its readers differ: `JSON.parse` takes the last value.
 *
 * @param text that `JSON.parse` accepts
 */
export function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
