import { getNodeValue, type Node, type ParseError, parseTree } from 'jsonc-parser';
import { parseLetterId } from '#contract/dead-letter.ts';
import { safeJson } from '#runtime/terminal-text.ts';
import type { PlacedProblem } from './letter-faults.ts';
import { summaryOf } from './letter-summary.ts';
import type { Letter } from './letters.ts';
import { textOf } from './payload-text.ts';

/** What a person made of a letter: one line of a file. */
export interface Correction {
  /** From 1. */
  readonly line: number;
  readonly letterId: string;
  readonly payload: Buffer;
  /** Where the payload begins in its line, in UTF-16 units from 0; `undefined` when it stands there in another form. */
  readonly column: number | undefined;
}

/** A line that is none, and why. */
export interface BadLine {
  readonly line: number;
  readonly problem: string;
  /** When it is the payload that is wrong. */
  readonly fault?: PlacedProblem;
}

const FORMS = ['payload', 'payloadText', 'payloadBase64'] as const;

/**
 * A letter as a line to be corrected: where the payload is JSON it stands there as it is, digits, keys and all; else as
 * text, or as base64. What else the line says is for whoever corrects it.
 */
export function exportedLine(letter: Letter): string {
  const text = textOf(letter.payload);
  const { id, device, reason, detail, schema, index, path, receivedAt } = summaryOf(letter);
  const facts = { letter: id, device, reason, detail, schema, index, path, receivedAt };
  const payload =
    text === undefined
      ? `"payloadBase64":${JSON.stringify(Buffer.from(letter.payload).toString('base64'))}`
      : isJson(text)
        ? // Line breaks in JSON stand between its parts only.
          `"payload":${text.replaceAll(/[\r\n]/g, ' ')}`
        : `"payloadText":${JSON.stringify(text)}`;
  return safeJson(`${JSON.stringify(facts).slice(0, -1)},${payload}}`);
}

/** Reads such a line. The payload's own characters are taken, so that nothing is rounded or folded on the way. */
export function readCorrection(text: string, line: number): Correction | BadLine {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true });
  if (root?.type !== 'object' || errors.length > 0) {
    return { line, problem: `column ${(errors[0]?.offset ?? 0) + 1}: expected one JSON object a line` };
  }
  const members = new Map(
    (root.children ?? []).map(({ children }) => [String(children?.[0]?.value), children?.[1] as Node]),
  );
  const id = members.get('letter')?.value;
  const position = typeof id === 'string' ? parseLetterId(id) : undefined;
  if (position === undefined)
    return { line, problem: 'expected "letter": the id of a letter, such as "3-17"' };
  const letterId = `${position.partition}-${position.offset}`;
  const given = FORMS.filter((form) => members.has(form));
  const [form] = given;
  if (given.length !== 1 || form === undefined) {
    return { line, problem: `expected one of ${FORMS.map((name) => `"${name}"`).join(', ')}` };
  }
  const node = members.get(form) as Node;
  if (form === 'payload') {
    const raw = text.slice(node.offset, node.offset + node.length);
    return { line, letterId, payload: Buffer.from(raw), column: node.offset };
  }
  const value: unknown = getNodeValue(node);
  if (typeof value !== 'string') return { line, problem: `expected "${form}": a string` };
  const payload = Buffer.from(value, form === 'payloadText' ? 'utf8' : 'base64');
  return { line, letterId, payload, column: undefined };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
