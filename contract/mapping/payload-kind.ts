import { type FilePlace, isObject } from './file-place.ts';
import { compilePointer, pointerTokens } from './json-pointer.ts';
import { parseLineProtocol } from './line-protocol.ts';
import { Unfit } from './scope.ts';
import { quoteLongWholeNumbers } from './whole-number-digits.ts';

/** A payload as the sources see it, and the places in it that cannot be used. */
export interface Decoded {
  readonly value: unknown;
  readonly faults: readonly PlacedFault[];
}

export interface PlacedFault {
  /** JSON Pointer into the payload. */
  readonly path: string;
  readonly message: string;
}

/** Decodes UTF-8 text; `undefined` = it is not JSON. */
export type Decode = (text: string) => Decoded | undefined;

export interface PayloadKind {
  readonly name: 'json' | 'text' | 'split' | 'line-protocol';
  readonly decode: Decode;
}

const NO_FAULTS: readonly PlacedFault[] = [];
const NO_LINE = 'is no line of line protocol';
const NO_JSON = 'must be a text that holds JSON, because the mapping unwraps it';

/** Compiles `payload` and `unwrap`. */
export function compilePayload(kind: unknown, unwrap: unknown, at: FilePlace): PayloadKind | undefined {
  if (kind === undefined || kind === 'json') {
    const open = compileUnwrap(unwrap, at.at('unwrap'));
    return open && { name: 'json', decode: jsonDecoder(open) };
  }
  if (unwrap !== undefined) at.at('unwrap').fault('is possible for "payload": "json" only');
  if (kind === 'text') return { name: 'text', decode: (text) => ({ value: text, faults: NO_FAULTS }) };
  if (kind === 'line-protocol') return { name: 'line-protocol', decode: decodeLines };
  if (isObject(kind)) {
    const members = at.at('payload').object(kind, ['split']);
    const separator = members?.split;
    if (typeof separator !== 'string' || separator === '') {
      return at.at('payload').at('split').fault('must be a text that is not empty');
    }
    return {
      name: 'split',
      decode: (text) => ({ value: text.trim().split(separator), faults: NO_FAULTS }),
    };
  }
  return at.at('payload').fault('must be "json", "text", "line-protocol" or {"split": ","}');
}

function decodeLines(text: string): Decoded {
  const lines = parseLineProtocol(text);
  const faults = lines.flatMap((line, index) =>
    line === undefined ? [{ path: `/${index}`, message: NO_LINE }] : [],
  );
  return { value: lines, faults };
}

/** The payload as a member, so that it is replaced like any other text when it is one that holds JSON. */
type Held = { '': unknown };
/** Replaces a text that holds JSON by what it holds; answers why it cannot. */
type Unwrap = (held: Held) => PlacedFault | undefined;

function jsonDecoder(unwraps: readonly Unwrap[]): Decode {
  return (text) => {
    const value = parseJson(text);
    if (value instanceof Unfit) return undefined;
    if (unwraps.length === 0) return { value, faults: NO_FAULTS };
    const held: Held = { '': value };
    const faults = unwraps.map((unwrap) => unwrap(held)).filter((fault) => fault !== undefined);
    return { value: held[''], faults };
  };
}

function compileUnwrap(spec: unknown, at: FilePlace): Unwrap[] | undefined {
  if (spec === undefined) return [];
  if (!Array.isArray(spec)) return at.fault('must be a list of JSON Pointers');
  const unwraps: Unwrap[] = [];
  for (const [index, pointer] of spec.entries()) {
    const tokens = typeof pointer === 'string' ? pointerTokens(pointer) : undefined;
    if (tokens === undefined)
      at.at(index).fault('must be a JSON Pointer to a text, such as /objectJSON, or "" for the payload');
    else unwraps.push(compileUnwrapOf(pointer as string, ['', ...tokens]));
  }
  return unwraps;
}

function compileUnwrapOf(path: string, tokens: readonly string[]): Unwrap {
  const parentOf = compilePointer(tokens.slice(0, -1));
  const last = tokens.at(-1) as string;
  const valueIn = compilePointer([last]);
  return (held) => {
    const parent = parentOf(held);
    const text = valueIn(parent);
    if (text === undefined || text === null || text === '') return undefined;
    const value = typeof text === 'string' ? parseJson(text) : new Unfit(NO_JSON);
    if (value instanceof Unfit) return { path, message: NO_JSON };
    // Own and enumerable already (`valueIn` found it), so this sets the member itself, also one named __proto__.
    (parent as Record<string, unknown>)[last] = value;
    return undefined;
  };
}

/** Whole numbers beyond 2^53 as texts of their digits. A byte order mark, which .NET and PowerShell send, is no fault. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(quoteLongWholeNumbers(text.startsWith('\ufeff') ? text.slice(1) : text)) as unknown;
  } catch {
    return new Unfit('is not JSON');
  }
}
