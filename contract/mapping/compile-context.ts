import { pointerTo } from './json-pointer.ts';
import type { Scope } from './scope.ts';
import { TimeZone } from './time-zone.ts';

/** What the compiler knows of the surroundings of a source. */
export interface CompileContext {
  /** Names of the topic's captures. */
  readonly captures: readonly string[];
  /** Pointer of each level of `each` into the element above it; their count is the depth. */
  readonly levels: readonly string[];
  /** Levels whose elements must be counted, because some source asks for it. Filled while the reading is compiled. */
  readonly counted: Set<number>;
  /** Places and patterns that the rule looks at, over all its readings: what an element may cost. Filled while the rule is compiled. */
  readonly looks: { count: number };
  /** Whether a source may look above its element (`^`): not where elements are iterated, so that cost stays linear. */
  readonly mayLookUp: boolean;
  readonly zones: Zones;
}

/** The zones that rules name, each made once: making one takes milliseconds. */
export class Zones {
  readonly #site: string;
  readonly #made = new Map<string, TimeZone>();

  /** @param site the zone that `"zone": "site"` stands for. */
  constructor(site: string) {
    this.#site = site;
  }

  /** @throws RangeError when there is no such zone. */
  get(name: string): TimeZone {
    const zone = name === 'site' ? this.#site : name;
    const known = this.#made.get(zone) ?? new TimeZone(zone);
    this.#made.set(zone, known);
    return known;
  }
}

/** The context of the elements that an `each` with this pointer finds. */
export function below(context: CompileContext, pointer: string): CompileContext {
  return { ...context, levels: [...context.levels, pointer], mayLookUp: true };
}

/** Where the current element of level `depth` stands in the payload. */
export function placeOfElement(levels: readonly string[], depth: number, scope: Scope): string {
  let place = '';
  for (let level = 1; level <= depth; level++) {
    place = pointerTo(place + (levels[level - 1] as string), scope.keys[level] as string | number);
  }
  return place;
}
