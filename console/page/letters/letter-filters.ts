import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LetterFilter } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { navigate } from '#console/page/navigation/navigation.ts';
import { lettersHref } from '#console/page/navigation/route.ts';
import { now } from '#console/page/text/server-clock.ts';
import { visibleText } from '#console/page/text/visible-text.ts';
import { LETTER_STATUSES } from '#contract/letter-status.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';

const STATES = [...LETTER_STATUSES, 'all'] as const;
const HOUR_MS = 3_600_000;
const SPANS: readonly [string, number][] = [
  ['the last hour', HOUR_MS],
  ['the last 24 hours', 24 * HOUR_MS],
  ['the last 7 days', 168 * HOUR_MS],
];

/** Each change goes into the address at once. */
export function LetterFilters({ filter }: { filter: LetterFilter }): VNode {
  const show = (change: Partial<Record<keyof LetterFilter, string | number | undefined>>): void =>
    navigate(lettersHref({ ...filter, ...change }), 'replace');
  const picked = (name: keyof LetterFilter) => (event: Event) =>
    show({ [name]: (event.target as HTMLSelectElement).value });
  const isFiltered = Object.keys(filter).length > 0;
  return html`
    <form class="toolbar filters" aria-label="Filters" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>Reason
        <select value=${filter.reason ?? ''} onChange=${picked('reason')}>
          <option value="">any</option>
          ${withCurrent(REJECT_REASONS, filter.reason).map((reason) => html`<option key=${reason} value=${reason}>${visibleText(reason)}</option>`)}
        </select>
      </label>
      <${TypedField} key=${`device ${filter.device}`} name="Device" value=${filter.device ?? ''} onTyped=${(device: string) => show({ device })} />
      <${TypedField} key=${`schema ${filter.schema}`} name="Type" value=${filter.schema ?? ''} onTyped=${(schema: string) => show({ schema })} />
      <label>Written in
        <select value=${filter.since === undefined ? '' : 'given'} onChange=${(event: Event) => show({ since: sinceOf((event.target as HTMLSelectElement).value, filter.since) })}>
          <option value="">all the time kept</option>
          ${filter.since !== undefined && html`<option value="given">since ${new Date(filter.since).toLocaleString('en-GB')}</option>`}
          ${SPANS.map(([name, span]) => html`<option key=${span} value=${span}>${name}</option>`)}
        </select>
      </label>
      <label>Status
        <select value=${filter.state ?? ''} onChange=${picked('state')}>
          <option value="">waiting</option>
          ${STATES.map((state) => html`<option key=${state} value=${state}>${state}</option>`)}
        </select>
      </label>
      ${isFiltered && html`<a class="button quiet" href="/dead-letters">Clear</a>`}
    </form>
  `;
}

interface TypedFieldProps {
  readonly name: string;
  readonly value: string;
  readonly onTyped: (text: string) => void;
}

/** Keeps what is being typed while the page around it changes; it counts once it is done. */
function TypedField({ name, value, onTyped }: TypedFieldProps): VNode {
  const [text, setText] = useState(value);
  return html`
    <label>${name}
      <input value=${text} maxlength="128" placeholder="any" spellcheck="false" autocapitalize="off"
        onInput=${(event: Event) => setText((event.target as HTMLInputElement).value)} onChange=${() => onTyped(text.trim())} />
    </label>
  `;
}

function sinceOf(choice: string, current: number | undefined): number | undefined {
  if (choice === 'given') return current;
  return choice === '' ? undefined : now() - Number(choice);
}

/** An address may name what is not in the list, such as several at once. */
function withCurrent(list: readonly string[], current: string | undefined): readonly string[] {
  return current === undefined || list.includes(current) ? list : [current, ...list];
}
