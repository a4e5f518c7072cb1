import { decodeLabels } from '#contract/labels.ts';
import type { Tag } from '#telemetry-store/telemetry-store.ts';

/** Different headers remembered: one for each set of labels that devices have. */
const REMEMBERED = 10_000;

/**
 * The tags of a record's points: those labels of its header that an operator chose (`STORE_TAGS`), by name. Devices have
 * few different sets of labels, so each is looked at once. When there are more than can be remembered, somebody uses labels
 * for what changes all the time: `onTooMany` tells, since each set is a series of its own in the store.
 */
export class TagsOfLabels {
  readonly #names: readonly string[];
  readonly #onTooMany: () => void;
  readonly #known = new Map<string, readonly Tag[] | undefined>();

  constructor(names: readonly string[], onTooMany: () => void) {
    this.#names = [...new Set(names)].sort();
    this.#onTooMany = onTooMany;
  }

  /** @returns `undefined` when there are none */
  of(header: string | undefined): readonly Tag[] | undefined {
    if (header === undefined || this.#names.length === 0) return undefined;
    if (!this.#known.has(header)) {
      if (this.#known.size >= REMEMBERED) {
        this.#known.clear();
        this.#onTooMany();
      }
      this.#known.set(header, this.#pick(header));
    }
    return this.#known.get(header);
  }

  #pick(header: string): readonly Tag[] | undefined {
    const labels = decodeLabels(header) ?? {};
    const tags = this.#names.flatMap((name): Tag[] => {
      const value = labels[name];
      return value === undefined ? [] : [[name, value]];
    });
    return tags.length === 0 ? undefined : tags;
  }
}
