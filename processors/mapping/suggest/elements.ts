import { isObject } from '#contract/mapping/file-place.ts';
import { pointerTo } from '#contract/mapping/json-pointer.ts';
import { parseLineProtocol } from '#contract/mapping/line-protocol.ts';
import { NUMBER_TEXT } from './found-fields.ts';
import { type NamedList, namedListAt } from './named-list.ts';
import { classOf } from './payload-class.ts';

/** How the elements of which readings are made stand in the payload. */
export interface Elements {
  readonly payload?: 'text' | 'line-protocol' | { readonly split: string };
  readonly each?: string;
  /** The device is the key of the element. */
  readonly keyed: boolean;
  readonly elements: readonly unknown[];
  /** What stands around the elements of `each`. */
  readonly around?: readonly object[];
  /** Names and values in a list of the element. */
  readonly named?: NamedList;
  /** Places of lists of objects that are not looked into. */
  readonly lists?: readonly string[];
}

/** So many elements say what the others are like. */
const ELEMENTS = 1_000;
/** Lists, and objects with the same members, are looked for so deep. */
const DEPTH = 2;
const MEMBERS = 64;
/** A comma may be that of a decimal: two parts are no proof. */
const SEPARATORS: readonly (readonly [separator: string, parts: number])[] = [
  [';', 2],
  ['|', 2],
  ['\t', 2],
  [',', 3],
];

/** @returns `undefined` when there is nothing that can be understood. */
export function elementsOf(payloads: readonly Uint8Array[]): Elements | undefined {
  const present = payloads.filter((payload) => payload.length > 0);
  const classes = present.map(classOf);
  const kinds = new Set(classes.map(({ kind }) => kind));
  const [kind, ...others] = kinds;
  if (kind === undefined || kinds.has('binary')) return undefined;
  const texts = present.map((payload) => Buffer.from(payload).toString('utf8'));
  // Payloads of several kinds on one topic have in common that they are texts.
  if (others.length > 0 || kind === 'scalar' || kind === 'text') return elementsOfTexts(texts);
  if (kind === 'line-protocol') {
    return {
      payload: 'line-protocol',
      each: '',
      keyed: false,
      elements: texts.flatMap((text) => parseLineProtocol(text)),
    };
  }
  return elementsOfJson(classes.flatMap((one) => ('value' in one ? [one.value] : [])));
}

function elementsOfTexts(texts: readonly string[]): Elements {
  for (const [split, least] of SEPARATORS) {
    const rows = texts.map((text) => text.trim().split(split));
    const [{ length } = { length: 0 }] = rows;
    if (
      length >= least &&
      length <= MEMBERS &&
      rows.every((row) => row.length === length && row.every(isNumber))
    )
      return { payload: { split }, keyed: false, elements: rows };
  }
  return { payload: 'text', keyed: false, elements: texts };
}

function isNumber(text: string): boolean {
  return text.length <= 64 && NUMBER_TEXT.test(text.trim());
}

function elementsOfJson(roots: readonly object[]): Elements {
  if (roots.some((root) => Array.isArray(root))) {
    const named = namedListAt('', roots);
    if (named !== undefined) return { keyed: false, elements: roots, named };
    return isListOfObjects(roots)
      ? { each: '', keyed: false, elements: roots.flat().slice(0, ELEMENTS) }
      : { keyed: false, elements: roots };
  }
  if (areKeyed(roots)) return { each: '', keyed: true, elements: membersOf(roots) };
  const within = placesWithin(roots);
  const lists = [...within].filter(([, values]) => isListOfObjects(values)).map(([place]) => place);
  for (const place of lists) {
    const named = namedListAt(place, within.get(place) ?? []);
    if (named !== undefined)
      return { keyed: false, elements: roots, named, lists: lists.filter((list) => list !== place) };
  }
  // What stands beside a list is told once for all its elements; where it measures something itself, it is the reading.
  if (!roots.some((root) => Object.values(root).some(isMeasured))) {
    const [list] = lists;
    if (list !== undefined)
      return {
        each: list,
        keyed: false,
        elements: (within.get(list) ?? []).flat().slice(0, ELEMENTS),
        around: roots,
        lists: lists.slice(1),
      };
    for (const [place, values] of within)
      if (areKeyed(values as object[]))
        return { each: place, keyed: true, elements: membersOf(values as object[]), around: roots };
  }
  return { keyed: false, elements: roots, lists };
}

/** A number that is no time of any epoch, nor written without a need for one. */
function isMeasured(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'number' && Math.abs(value) < 1e8);
}

/** Values below the root, by place: those of members, and of the members of members. */
function placesWithin(roots: readonly object[]): ReadonlyMap<string, readonly unknown[]> {
  const found = new Map<string, unknown[]>();
  const look = (element: object, pointer: string, depth: number): void => {
    for (const [key, value] of Object.entries(element).slice(0, MEMBERS)) {
      if (typeof value !== 'object' || value === null) continue;
      const place = pointerTo(pointer, key);
      const values = found.get(place);
      if (values !== undefined) values.push(value);
      else if (found.size < MEMBERS) found.set(place, [value]);
      if (depth < DEPTH && isObject(value)) look(value, place, depth + 1);
    }
  };
  for (const root of roots) look(root, '', 1);
  return found;
}

function isListOfObjects(values: readonly unknown[]): boolean {
  return values.every((value) => Array.isArray(value) && value.every(isObject)) && values.flat().length > 0;
}

/** Objects whose members are several objects of the same members: the keys are names of devices. */
function areKeyed(objects: readonly unknown[]): boolean {
  if (!objects.every(isObject)) return false;
  const members = objects.flatMap((one) => Object.values(one));
  return (
    members.length > objects.length &&
    members.every(isObject) &&
    new Set(members.map((member) => Object.keys(member).toSorted().join())).size === 1
  );
}

function membersOf(objects: readonly object[]): unknown[] {
  return objects.flatMap((one) => Object.values(one) as unknown[]).slice(0, ELEMENTS);
}
