import { coerceValue, isAbsent } from '#contract/mapping/coerce-value.ts';
import { isObject } from '#contract/mapping/file-place.ts';
import { pointerTo } from '#contract/mapping/json-pointer.ts';
import { Unfit } from '#contract/mapping/scope.ts';
import type { FieldKind } from '#contract/reading.ts';
import { RESERVED_FIELDS } from '#contract/schema-registry.ts';

/** Values that were found at one place of the elements. */
export type FoundValues = Map<string, unknown[]>;

/** Bounds of what is looked at: payloads are whatever somebody sends. */
const DEPTH = 4;
const PLACES = 64;
const LIST_ELEMENTS = 4;
const LONGEST_TEXT = 256;

/** Collects what stands in an element, by place. */
export function collectValues(element: unknown, found: FoundValues, pointer = '', depth = 0): void {
  if (typeof element !== 'object' || element === null) {
    const values = found.get(pointer);
    if (values !== undefined) values.push(element);
    else if (found.size < PLACES) found.set(pointer, [element]);
    return;
  }
  if (depth >= DEPTH) return;
  if (Array.isArray(element)) {
    for (const [index, one] of element.slice(0, LIST_ELEMENTS).entries()) {
      if (!isObject(one)) collectValues(one, found, pointerTo(pointer, index), depth + 1);
    }
    return;
  }
  for (const key of Object.keys(element).slice(0, PLACES)) {
    collectValues((element as Record<string, unknown>)[key], found, pointerTo(pointer, key), depth + 1);
  }
}

/** The kind that all of these values can be; `undefined` when there is none, or no value at all. */
export function kindOf(values: readonly unknown[]): Exclude<FieldKind, 'integer'> | undefined {
  const present = values.filter((value) => !isAbsent(value));
  if (present.length === 0) return undefined;
  const all = (kind: FieldKind): boolean =>
    present.every((value) => !(coerceValue(kind, value) instanceof Unfit));
  const numbers =
    present.every((value) => typeof value === 'number' || typeof value === 'string') && all('float');
  if (numbers) {
    const safe = present.every((value) => Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER);
    return safe ? 'float' : undefined;
  }
  if (all('boolean')) return 'boolean';
  return present.every((value) => typeof value !== 'object' && isSafeText(String(value)))
    ? 'string'
    : undefined;
}

/** A number as it may stand in a text, without white space around it. */
export const NUMBER_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** A number and its unit: `21.8 °C`. */
const WITH_UNIT = /^[+-]?\d{1,20}(?:\.\d{1,20})?\s{0,2}([^\d\s.,:;+\-/][^\d\s.,]{0,7})$/;
/** At the end of a name: `Power_kW`, `Energy[kWh]`, `temp °C`. */
const UNIT_OF_NAME =
  /[_ ([](kWh|Wh|MWh|kW|MW|W|kVA|VA|kvar|var|mV|kV|V|mA|A|Hz|kHz|hPa|kPa|mbar|bar|Pa|psi|°C|°F|K|%|ppm|ppb|lx|l|m3|m³|kg|g|mm|cm|m|km|rpm|dBm|dB)[\])]?$/;

/** The unit that stands behind the number in each of the texts. */
export function unitOfTexts(values: readonly unknown[]): string | undefined {
  const present = values.filter((value) => !isAbsent(value));
  const units = new Set(
    present.map((value) => (typeof value === 'string' ? WITH_UNIT.exec(value.trim())?.[1] : undefined)),
  );
  const [unit] = units;
  return units.size === 1 ? unit : undefined;
}

/** The unit that the name of a value ends with. */
export function unitOfName(words: readonly string[]): string | undefined {
  return UNIT_OF_NAME.exec(words.at(-1) ?? '')?.[1];
}

function isSafeText(text: string): boolean {
  return text.length <= LONGEST_TEXT && text.isWellFormed();
}

/** A field name made of words, none of those in `taken`, which it is put into. */
export function fieldName(words: readonly string[], taken: Set<string>): string {
  const parts = words.flatMap((word) => word.split(/[^A-Za-z0-9]+/)).filter((part) => part !== '');
  const camel = parts
    .map((part, index) => {
      const small = /^[A-Z0-9]+$/.test(part) ? part.toLowerCase() : part;
      return index === 0
        ? small[0]?.toLowerCase() + small.slice(1)
        : small[0]?.toUpperCase() + small.slice(1);
    })
    .join('');
  const base = (/^[A-Za-z]/.test(camel) ? camel : `value${camel}`).slice(0, 48);
  let name = RESERVED_FIELDS.has(base) ? `${base}Value` : base;
  for (let n = 2; taken.has(name); n++) name = `${base}${n}`;
  taken.add(name);
  return name;
}
