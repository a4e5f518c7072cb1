/**
 * Control characters (C0, DEL, C1), format characters (bidi controls, zero-width, tags), surrogates, private and
 * unassigned code points, line and paragraph separators: what can move a cursor, recolour a screen, reorder text or
 * hide it. A device id or a payload is hostile until shown otherwise.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text that may go to a terminal: what could do harm there is written as an escape. One line stays one line. */
export function terminalText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    return `\\u{${(character.codePointAt(0) as number).toString(16).padStart(2, '0')}}`;
  });
}

/** Lines put together of what is ours and what others wrote, each safe for a terminal. */
export function safeLines(text: string): string {
  return text.split('\n').map(terminalText).join('\n');
}

/** JSON on one line that may go to a terminal, and still is the same JSON. */
export function terminalJson(value: unknown): string {
  return safeJson(JSON.stringify(value));
}

/** The same of JSON that is text already, on one line. */
export function safeJson(json: string): string {
  return json.replace(UNSAFE, (character) =>
    // Such characters stand only inside strings here; those beyond the basic plane need both halves escaped.
    Array.from({ length: character.length }, (_, i) => `\\u${hex4(character.charCodeAt(i))}`).join(''),
  );
}

/** At most `width` UTF-16 units, an ellipsis instead of the rest. */
export function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1).toWellFormed()}…`;
}

function hex4(code: number): string {
  return code.toString(16).padStart(4, '0');
}
