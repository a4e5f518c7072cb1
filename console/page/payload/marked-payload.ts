import type { VNode } from 'preact';
import type { Fault, Payload } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { bytes } from '#console/page/text/format.ts';
import { visibleText } from '#console/page/text/visible-text.ts';
import { hexLines, markedStretches } from './marked-text.ts';

/** Bytes that are no text; more of them tells nobody more. */
const HEX_BYTES = 1_024;

/** The bytes as they came, each fault marked in its place. Everything invisible in it is shown; nothing in it is markup. */
export function MarkedPayload({ payload, faults }: { payload: Payload; faults: readonly Fault[] }): VNode {
  const { text, base64, truncated } = payload;
  const cut =
    truncated &&
    html`<p class="muted">Cut here; it has ${bytes(payload.bytes)}. <code>npm run dlq -- show ID --raw</code> writes all of it.</p>`;
  if (text === null) {
    const raw = Uint8Array.from(atob(base64 ?? ''), (character) => character.charCodeAt(0));
    return html`<pre class="payload" tabindex="0" aria-label="Payload, no text">${hexLines(raw, HEX_BYTES).join('\n')}</pre>${cut}`;
  }
  return html`
    <pre class="payload" tabindex="0" aria-label="Payload" dir="ltr"><bdo dir="ltr">${markedStretches(
      text,
      faults,
    ).map(({ text: stretch, fault }, place) =>
      fault === undefined
        ? visibleText(stretch, '\n')
        : html`<mark key=${place} id=${`fault-${fault}`} title=${visibleText(faults[fault]?.message ?? '')}>${visibleText(stretch, '\n') || '␃'}</mark>`,
    )}</bdo></pre>
    ${cut}
  `;
}

export function FaultList({ faults }: { faults: readonly Fault[] }): VNode | null {
  if (faults.length === 0) return null;
  return html`
    <ul class="faults">
      ${faults.map(
        ({ path, message, line, column, offset }, place) => html`
          <li key=${place}>
            ${path !== '' && html`<code><${ForeignText} text=${path} /></code> `}<${ForeignText} text=${message} />
            ${offset !== null && line !== null && html` <a class="muted" href=${`#fault-${place}`}>line ${line}, column ${column}</a>`}
          </li>
        `,
      )}
    </ul>
  `;
}
