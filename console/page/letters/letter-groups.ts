import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { LetterFilter, LetterGroups } from '#console/api/dead-letters.ts';
import { Answered } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { letterHref, lettersHref } from '#console/page/navigation/route.ts';
import { DeviceLink, ForeignText } from '#console/page/text/foreign-text.ts';
import { count, counted } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';
import { lettersPath } from './letter-filter.ts';

const SHOWN = 12;

/** An incident in a few lines: what is wrong, with how many letters of how many devices. */
export function LetterGroupsTable({ filter, turn }: { filter: LetterFilter; turn: number }): VNode {
  const answer = useAnswer<LetterGroups>(lettersPath('/groups', filter, { limit: SHOWN }));
  useEffect(() => (turn > 0 ? answer.again() : undefined), [turn]);
  return html`
    <section>
      <h2>What is wrong</h2>
      <${Answered} answer=${answer} rows=${3}>
        ${({ groups }: LetterGroups) =>
          groups.length === 0
            ? html`<p class="all-well"><span class="dot" aria-hidden="true"></span>Nothing.</p>`
            : html`
                <div class="table-box" tabindex="0" role="region" aria-label="What is wrong, scrolls">
                  <table class="stacks groups">
                    <thead>
                      <tr><th scope="col" class="number">Letters</th><th scope="col">Reason</th><th scope="col">What is wrong</th><th scope="col">Devices</th><th scope="col">Newest</th><th scope="col" class="minor">Since</th></tr>
                    </thead>
                    <tbody>${groups.slice(0, SHOWN).map((group) => html`<${Row} key=${group.newestId} group=${group} filter=${filter} />`)}</tbody>
                  </table>
                </div>
                ${groups.length > SHOWN && html`<p class="muted">and ${counted(groups.length - SHOWN, 'more kind')}</p>`}
              `}
      <//>
    </section>
  `;
}

function Row({ group, filter }: { group: LetterGroups['groups'][number]; filter: LetterFilter }): VNode {
  const { reason, detail, count: letters, devices, device, newestId, first, last } = group;
  return html`
    <tr>
      <td class="number strong">${count(letters)}</td>
      <td class="nowrap"><a href=${lettersHref({ ...filter, reason: reason.split(/[ ,]/)[0] })}>${reason}</a></td>
      <td class="detail"><a href=${letterHref(newestId)}><${ForeignText} text=${detail === '' ? 'see the newest letter' : detail} /></a></td>
      <td class="named"><${DeviceLink} id=${device} />${devices > 1 && html` <span class="muted">and ${count(devices - 1)} more</span>`}</td>
      <td class="nowrap"><${Moment} at=${last} relative /></td>
      <td class="nowrap minor"><${Moment} at=${first} relative /></td>
    </tr>
  `;
}
