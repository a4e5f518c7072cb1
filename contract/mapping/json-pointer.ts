/** Members that every object seems to have: of those, only own ones are meant. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));
const ESCAPED = /[~/]/;
const ARRAY_INDEX = /^(0|[1-9][0-9]{0,9})$/;

/** The tokens of a JSON Pointer (RFC 6901), or `undefined` when the text is none. */
export function pointerTokens(pointer: string): string[] | undefined {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Adds one token to a pointer. */
export function pointerTo(parent: string, key: string | number): string {
  return `${parent}/${typeof key === 'string' && ESCAPED.test(key) ? escaped(key) : key}`;
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Follows a pointer; what is not there is `undefined`, and nothing is found on a prototype. */
export type Follow = (value: unknown) => unknown;

/** A function that follows the pointer: each token is judged once, here, and not for each message. */
export function compilePointer(tokens: readonly string[]): Follow {
  const steps = tokens.map(step);
  const [first, second] = steps;
  if (first === undefined) return (value) => value;
  if (second === undefined) return first;
  if (steps.length === 2) return (value) => second(first(value));
  return (value) => {
    let found = value;
    for (const follow of steps) found = follow(found);
    return found;
  };
}

function step(token: string): Follow {
  const index = ARRAY_INDEX.test(token) ? Number(token) : -1;
  const inherited = INHERITED.has(token);
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) return index < 0 ? undefined : (value[index] as unknown);
    if (inherited && !Object.hasOwn(value, token)) return undefined;
    return (value as Record<string, unknown>)[token];
  };
}
