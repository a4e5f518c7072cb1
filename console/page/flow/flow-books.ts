import type { VNode } from 'preact';
import type { Books } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { count } from '#console/page/text/format.ts';

/** The two sums of promise P8, and what it means when one does not come out even. */
export function FlowBooks({ books: { gateway, writer, sentence } }: { books: Books }): VNode {
  return html`
    <section class="card">
      <h2>The books</h2>
      ${sentence === null ? null : html`<p class="books-sentence" role="status">${sentence}</p>`}
      <div class="books">
        ${
          gateway &&
          html`<${Book}
            name="Gateway"
            closes=${gateway.closes}
            total=${['decoded', gateway.decoded]}
            parts=${[
              ['appended', gateway.appended],
              ['dead-lettered', gateway.deadLettered],
              ['unconfirmed', gateway.unconfirmed],
            ]}
          />`
        }
        ${
          writer &&
          html`<${Book}
            name="Writer"
            closes=${writer.closes}
            total=${['consumed', writer.consumed]}
            parts=${[['stored', writer.stored], ['dead-lettered', writer.deadLettered]]}
          />`
        }
      </div>
    </section>
  `;
}

interface BookProps {
  readonly name: string;
  readonly closes: boolean;
  readonly total: readonly [string, number];
  readonly parts: readonly (readonly [string, number])[];
}

function Book({ name, closes, total, parts }: BookProps): VNode {
  return html`
    <table class="book">
      <caption>${name}<span class=${closes ? 'chip chip-good' : 'chip chip-bad'}>${closes ? 'closes' : 'does not close'}</span></caption>
      <tbody>
        <tr class="book-total"><th scope="row">${total[0]}</th><td>${count(total[1])}</td></tr>
        ${parts.map(([part, value], index) => html`<tr key=${part}><th scope="row"><span class="sign">${index === 0 ? '=' : '+'}</span>${part}</th><td>${count(value)}</td></tr>`)}
      </tbody>
    </table>
  `;
}
