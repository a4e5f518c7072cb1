import type { VNode } from 'preact';
import type { LettersPage } from '#console/api/dead-letters.ts';
import { Answered, Empty } from './answer-states.ts';
import { count } from './format.ts';
import { html } from './html.ts';
import { LetterTable } from './letter-table.ts';
import { lettersHref, withQuery } from './route.ts';
import { useAnswer } from './use-answer.ts';

const SHOWN = 5;
const AGAIN_MS = 10_000;

export function DeviceLetters({ id }: { id: string }): VNode {
  const answer = useAnswer<LettersPage>(withQuery('/dead-letters', { device: id, limit: SHOWN }), AGAIN_MS);
  return html`
    <section>
      <div class="section-head">
        <h2>Its dead letters</h2>
        ${answer.value && answer.value.total > SHOWN && html`<a href=${lettersHref({ device: id })}>all ${count(answer.value.total)}</a>`}
      </div>
      <${Answered} answer=${answer} rows=${2}>
        ${({ letters }: LettersPage) => (letters.length === 0 ? html`<${Empty} title="None waits" />` : html`<${LetterTable} letters=${letters} withDevice=${false} />`)}
      <//>
    </section>
  `;
}
