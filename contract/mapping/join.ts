import type { FilePlace } from './file-place.ts';
import { type Scope, type Source, Unfit } from './scope.ts';

/** Each of them is looked at for each element. */
const MOST_PARTS = 16;
/** Longer text is no part of a name or a time: a bound for putting it together, for each element. */
const PART_LENGTH = 256;
const NO_TEXT = new Unfit('must be texts, numbers or booleans to be joined');
const TOO_LONG = new Unfit(`must be at most ${PART_LENGTH} characters to be joined`);

/**
 * Compiles `join` and `with`: one text of several sources. Where one of them has no value, there is none.
 *
 * @param compilePart what a part may be: in a `device` also a fixed text
 */
export function compileJoin(
  members: Readonly<{ join?: unknown; with?: unknown }>,
  at: FilePlace,
  compilePart: (spec: unknown, at: FilePlace) => Source | undefined,
): Source | undefined {
  const between = members.with ?? '';
  if (typeof between !== 'string') return at.at('with').fault('must be a text');
  const parts = members.join;
  if (!Array.isArray(parts) || parts.length < 2 || parts.length > MOST_PARTS)
    return at.at('join').fault(`must be a list of 2 to ${MOST_PARTS} sources`);
  const sources = parts.map((part: unknown, index) => compilePart(part, at.at('join').at(index)));
  if (!sources.every((source) => source !== undefined)) return undefined;
  return {
    read: (scope) => joined(sources, between, scope),
    place: (scope) => sources[0]?.place(scope),
  };
}

function joined(sources: readonly Source[], between: string, scope: Scope): string | undefined | Unfit {
  const texts: string[] = [];
  for (const source of sources) {
    const part = source.read(scope);
    if (part instanceof Unfit) return part;
    if (part === undefined || part === null || part === '') return undefined;
    if (typeof part === 'object') return NO_TEXT;
    const text = String(part);
    if (text.length > PART_LENGTH) return TOO_LONG;
    texts.push(text);
  }
  return texts.join(between);
}
