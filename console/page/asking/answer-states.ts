import type { ComponentChildren, VNode } from 'preact';
import { html } from '#console/page/html.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { clock } from '#console/page/text/format.ts';
import type { RequestFailure } from './ask-server.ts';
import type { Answer } from './use-answer.ts';

/**
 * What stands where an answer is shown: rows that wait, what went wrong and a way to ask again, or what `children` make of the
 * value. An old value stays, marked as such, when a newer one cannot be had.
 */
export function Answered<T>({
  answer,
  children,
  rows = 4,
}: {
  answer: Answer<T>;
  children: (value: T) => ComponentChildren;
  rows?: number;
}): VNode {
  const { value, failure, at, again } = answer;
  if (value === undefined && failure !== undefined)
    return html`<${Failed} failure=${failure} again=${again} />`;
  if (value === undefined) return html`<${Waiting} rows=${rows} />`;
  return html`
    ${failure && html`<${Stale} at=${at} failure=${failure} again=${again} />`}
    ${children(value)}
  `;
}

/** What is shown below is old, or not all. */
export function Stale({
  at = 0,
  failure,
  again,
}: {
  at?: number | undefined;
  failure: RequestFailure;
  again: () => void;
}): VNode {
  return html`<p class="stale" role="status">As of ${clock(at)}: <${ForeignText} text=${failure.message} /> <button class="link" onClick=${again}>Try again</button></p>`;
}

export function Failed({ failure, again }: { failure: RequestFailure; again?: () => void }): VNode {
  const title =
    failure.status === 404 ? 'Not found' : failure.status === 0 ? 'No answer' : 'This did not work';
  return html`
    <div class="empty" role="alert">
      <p class="empty-title">${title}</p>
      <p><${ForeignText} text=${failure.message} /></p>
      ${again && failure.status !== 404 && html`<button onClick=${again}>Try again</button>`}
    </div>
  `;
}

export function Waiting({ rows = 4 }: { rows?: number }): VNode {
  return html`
    <div class="waiting" role="status" aria-label="Loading">
      ${Array.from({ length: rows }, (_, row) => html`<span key=${row} class="waiting-row"></span>`)}
    </div>
  `;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}</div>`;
}
