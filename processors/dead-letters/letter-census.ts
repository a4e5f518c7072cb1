import type { LetterStatus } from '#contract/letter-status.ts';
import { counted } from '#runtime/counted.ts';
import { type Letter, statusOf } from './letters.ts';

/** What was looked at, whether it was chosen or not: for whoever is told that there was nothing to do, and wonders why. */
export class LetterCensus {
  readonly #byStatus = new Map<LetterStatus, number>();
  readonly #asked: ReadonlySet<string>;
  readonly #found = new Map<string, LetterStatus>();

  /** @param asked ids of letters that were asked for by name */
  constructor(asked: ReadonlySet<string> = new Set()) {
    this.#asked = asked;
  }

  count(letter: Letter): void {
    const status = statusOf(letter);
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    if (this.#asked.has(letter.id)) this.#found.set(letter.id, status);
  }

  /** @param wanted what can be done something about, such as `pending` */
  whyNothing(wanted: readonly LetterStatus[]): string {
    const all = [...this.#byStatus.values()].reduce((sum, count) => sum + count, 0);
    if (all === 0) return 'There are no dead letters.';
    const ids = [...this.#asked].map((id) => {
      const status = this.#found.get(id);
      return status === undefined
        ? `${id} is not there: it never was, or retention removed it`
        : `${id} is ${status}`;
    });
    if (ids.length > 0) return `${ids.slice(0, 10).join('; ')}${ids.length > 10 ? '; …' : ''}.`;
    const fitting = wanted.reduce((sum, status) => sum + (this.#byStatus.get(status) ?? 0), 0);
    const counts = [...this.#byStatus]
      .map(([status, count]) => `${count.toLocaleString('en')} ${status}`)
      .join(', ');
    const none =
      fitting === 0 ? `none is ${wanted.join(' or ')}` : 'none of them is what the filters ask for';
    return `There are ${counted(all, 'letter')} (${counts}), and ${none}.`;
  }
}
