import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { terminalText } from '#runtime/terminal-text.ts';
import type { Problem } from './letter-summary.ts';

/** A place in a payload, counted from 1 as editors do, and in UTF-16 units from 0. */
export interface Place {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  /** How much of the text is meant, in UTF-16 units. */
  readonly length: number;
}

const UNKNOWN_PROPERTY = /^unknown property (".*")$/;

/** Where in the JSON text a problem is: its value, or the property that should not be there. */
export function placeOfProblem(text: string, { path, message }: Problem): Place | undefined {
  const root = treeOf(text)?.root;
  if (root === undefined) return undefined;
  const segments = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const extra = UNKNOWN_PROPERTY.exec(message)?.[1];
  const property = extra === undefined ? undefined : nodeAt(root, [...segments, JSON.parse(extra) as string]);
  const node = property?.parent ?? nodeAt(root, segments);
  return node === undefined ? undefined : placeAt(text, node);
}

/** Where JSON stops being JSON, and how the parser puts it. */
export function syntaxProblem(text: string): { readonly place: Place; readonly message: string } | undefined {
  const error = treeOf(text)?.errors[0];
  if (error === undefined) return undefined;
  const message = printParseErrorCode(error.error)
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
  return { place: placeAt(text, error), message };
}

const EXCERPT_BEFORE = 50;
const EXCERPT_AFTER = 30;

/** The text around a place, and a caret under it: two lines that are safe for a terminal. */
export function excerpt(text: string, { offset }: Omit<Place, 'length'>): readonly [string, string] {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const from = Math.max(lineStart, offset - EXCERPT_BEFORE);
  const to = Math.min(lineEnd === -1 ? text.length : lineEnd, offset + EXCERPT_AFTER);
  const before = `${from > lineStart ? '…' : ''}${terminalText(text.slice(from, offset))}`;
  const after = `${terminalText(text.slice(offset, to))}${to < (lineEnd === -1 ? text.length : lineEnd) ? '…' : ''}`;
  return [`${before}${after}`, `${' '.repeat(before.length)}^`];
}

function treeOf(
  text: string,
): { readonly root: Node | undefined; readonly errors: ParseError[] } | undefined {
  const errors: ParseError[] = [];
  try {
    return { root: parseTree(text, errors, { disallowComments: true }), errors };
  } catch (error) {
    // The parser is recursive, and a hostile payload is nested deeper than the stack.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function nodeAt(root: Node, segments: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const segment of segments) {
    const key: string | number = node?.type === 'array' ? Number(segment) : segment;
    node = node && findNodeAtLocation(node, [key]);
  }
  return node;
}

function placeAt(text: string, { offset, length }: Pick<Node, 'offset' | 'length'>): Place {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < lineStart; at = text.indexOf('\n', at + 1)) line++;
  return { offset, line, column: offset - lineStart + 1, length };
}
