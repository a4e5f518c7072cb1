import { isAbsent } from '#contract/mapping/coerce-value.ts';
import { isObject } from '#contract/mapping/file-place.ts';
import { pointerTo } from '#contract/mapping/json-pointer.ts';

/** A list of objects, each of which holds a name and a value. */
export interface NamedList {
  readonly in: string;
  readonly name: string;
  readonly value: string;
  readonly values: ReadonlyMap<string, readonly unknown[]>;
}

const NAME_MEMBER =
  /^(n|name|id|key|tag|code|channel|ch|sensor|sensor_?id|parameter|param|metric|measurement|variable|register|type|label)$/i;
const VALUE_MEMBER = /^(v|val|value|reading|data|state|measured|sv|nv)$/i;
const NAMES = 200;

/**
 * The names and values in the lists, where each element has one of both and no name stands twice in a list: then it is a
 * list of fields. Else it is one of devices, or of samples.
 */
export function namedListAt(place: string, lists: readonly unknown[]): NamedList | undefined {
  const elements = lists.flat();
  if (!lists.every(Array.isArray) || elements.length === 0 || !elements.every(isObject)) return undefined;
  const [first] = elements as [Record<string, unknown>];
  const members = Object.keys(first);
  const name = members.find((member) => NAME_MEMBER.test(member) && isName(first[member]));
  const value = members.find((member) => VALUE_MEMBER.test(member) && member !== name);
  if (name === undefined || value === undefined) return undefined;
  const values = new Map<string, unknown[]>();
  for (const list of lists as Record<string, unknown>[][]) {
    const names = new Set<unknown>();
    for (const element of list) {
      const [word, found] = [element[name], element[value]];
      if (!isName(word) || names.has(word) || (typeof found === 'object' && !isAbsent(found)))
        return undefined;
      names.add(word);
      const known = values.get(word);
      if (known !== undefined) known.push(found);
      // No mapping file can have the first as a key; the second means all.
      else if (word !== '__proto__' && word !== '*' && values.size < NAMES) values.set(word, [found]);
    }
  }
  if (values.size === 0) return undefined;
  return { in: place, name: pointerTo('', name), value: pointerTo('', value), values };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 64;
}
