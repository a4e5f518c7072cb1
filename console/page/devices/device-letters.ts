import type { VNode } from 'preact';
import type { LettersPage } from '#console/api/dead-letters.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { LetterTable } from '#console/page/letters/letter-table.ts';
import { lettersHref, withQuery } from '#console/page/navigation/route.ts';
import { count } from '#console/page/text/format.ts';

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
