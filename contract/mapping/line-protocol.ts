/** One line, in the shape that Telegraf's JSON output has too, so that one reading fits both. */
export interface ProtocolLine {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** As text: nanoseconds are beyond what a number holds exactly. Missing when the line has none. */
  readonly timestamp?: string;
}

const INTEGER = /^-?\d{1,19}[iu]$/;
const FLOAT = /^[+-]?(\d{1,32}\.?\d{0,32}|\.\d{1,32})([eE][+-]?\d{1,4})?$/;
const TRUE = new Set(['t', 'T', 'true', 'True', 'TRUE']);
const FALSE = new Set(['f', 'F', 'false', 'False', 'FALSE']);
const TIMESTAMP = /^-?\d{1,19}$/;

/**
 * Lines of InfluxDB's line protocol; of a line that is none, `undefined`. Empty ones and comments are left out. A line
 * ends at the next line break, also in a quoted text: one that lacks a quote must not take the next lines with it.
 */
export function parseLineProtocol(text: string): (ProtocolLine | undefined)[] {
  const lines: (ProtocolLine | undefined)[] = [];
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) lines.push(parseLine(trimmed));
  }
  return lines;
}

function parseLine(line: string): ProtocolLine | undefined {
  const end = unescapedIndex(line, ' ');
  if (end < 0) return undefined;
  const [name = '', ...tagTexts] = split(line.slice(0, end), ',', false);
  const [fieldText = '', time, ...more] = split(line.slice(end + 1), ' ', true).filter((part) => part !== '');
  if (more.length > 0 || (time !== undefined && !TIMESTAMP.test(time))) return undefined;
  const tags = pairs(tagTexts, unescaped);
  const fields = pairs(split(fieldText, ',', true), fieldValue);
  if (name === '' || tags === undefined || fields === undefined) return undefined;
  return { name: unescaped(name), tags, fields, ...(time !== undefined && { timestamp: time }) };
}

function pairs<Value>(
  texts: readonly string[],
  read: (text: string) => Value | undefined,
): Record<string, Value> | undefined {
  const found = new Map<string, Value>();
  for (const text of texts) {
    const at = unescapedIndex(text, '=');
    const value = at <= 0 ? undefined : read(text.slice(at + 1));
    if (value === undefined) return undefined;
    found.set(unescaped(text.slice(0, at)), value);
  }
  // Own properties, whatever they are called.
  return Object.fromEntries(found);
}

function fieldValue(text: string): string | number | boolean | undefined {
  if (text.length >= 2 && text.startsWith('"') && text.endsWith('"')) {
    return text.slice(1, -1).replace(/\\(["\\])/g, '$1');
  }
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  if (INTEGER.test(text)) return Number(text.slice(0, -1));
  return FLOAT.test(text) ? Number(text) : undefined;
}

function unescaped(text: string): string {
  return text.replace(/\\([,= \\])/g, '$1');
}

function unescapedIndex(text: string, wanted: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === wanted) return at;
  }
  return -1;
}

/** A backslash keeps the character after it; quotes, where they count, keep everything up to the next one. */
function split(text: string, separator: string, quotes: boolean): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (quotes && character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}
