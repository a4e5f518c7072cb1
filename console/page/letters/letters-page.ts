import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LettersPage as Letters, LettersLookedAt } from '#console/api/dead-letters.ts';
import { Empty, Failed, Stale, Waiting } from '#console/page/asking/answer-states.ts';
import { usePages } from '#console/page/asking/use-pages.ts';
import { html } from '#console/page/html.ts';
import { count } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';
import { LetterChanges } from './letter-changes.ts';
import { filterOf, lettersPath } from './letter-filter.ts';
import { LetterFilters } from './letter-filters.ts';
import { LetterGroupsTable } from './letter-groups.ts';
import { LetterTable } from './letter-table.ts';
import { LettersOverTimeChart } from './letters-over-time.ts';

const PAGE_SIZE = 50;

/** What is wrong with how many, since when, and the letters themselves; what to do about those that the filter leaves. */
export function LettersPage({ query }: { query: URLSearchParams }): VNode {
  const filter = filterOf(query);
  const pages = usePages<Letters>(lettersPath('', filter, { limit: PAGE_SIZE }));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [turn, setTurn] = useState(0);
  const letters = pages.pages.flatMap((page) => page.letters);
  // Of another filter it says nothing of what a change would reach.
  const first = pages.outdated ? undefined : pages.pages[0];
  const isFailed = pages.failure !== undefined && (pages.pages.length === 0 || pages.outdated);
  const stillThere = letters.filter(({ id }) => chosen.has(id));
  const stillThereIds = new Set(stillThere.map(({ id }) => id));
  const choose = (ids: readonly string[], isChosen: boolean): void => {
    const next = new Set(stillThereIds);
    for (const id of ids) isChosen ? next.add(id) : next.delete(id);
    setChosen(next);
  };
  const changed = (): void => {
    setChosen(new Set());
    setTurn((before) => before + 1);
    pages.again();
  };

  return html`
    <div class="page">
      <div class="page-head"><h1>Dead letters</h1></div>
      <${LetterFilters} filter=${filter} />
      <${LettersOverTimeChart} filter=${filter} turn=${turn} />
      <${LetterGroupsTable} filter=${filter} turn=${turn} />
      <section>
        <h2>Letters ${first && html`<span class="muted">${count(first.total)}</span>`}</h2>
        <${LetterChanges} filter=${filter} chosen=${pages.outdated ? [] : stillThere} total=${first?.matching} isFailed=${isFailed} older=${first?.looked.older} newestAt=${first?.letters[0]?.at} onChanged=${changed} />
        ${pages.failure && !isFailed && html`<${Stale} at=${pages.at} failure=${pages.failure} again=${pages.retry} />`}
        ${
          isFailed
            ? html`<${Failed} failure=${pages.failure} again=${pages.retry} />`
            : pages.pages.length === 0
              ? html`<${Waiting} rows=${8} />`
              : letters.length === 0
                ? html`<${Empty} title="No letter is like this">${Object.keys(filter).length > 0 ? html`<a href="/dead-letters">Show all that wait</a>` : 'Whatever devices sent was accepted, or has been seen to.'}<//>`
                : html`<${LetterTable} letters=${letters} chosen=${stillThereIds} onChoose=${choose} />`
        }
        <p class="list-end">
          ${pages.pages.at(-1)?.next && html`<button onClick=${pages.more} disabled=${pages.loading}>Show more</button>`}
          ${pages.pages[0] && html`<${LookedAt} looked=${pages.pages[0].looked} />`}
        </p>
      </section>
    </div>
  `;
}

function LookedAt({ looked: { letters, since, older } }: { looked: LettersLookedAt }): VNode | null {
  if (!older) return null;
  return html`<span class="muted">The newest ${count(letters)} letters were looked at, back to <${Moment} at=${since} />; older ones are changed with the others, not shown.</span>`;
}
