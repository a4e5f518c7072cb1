import type { VNode } from 'preact';
import type { LetterRow } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { letterHref, lettersHref, oneWord } from '#console/page/navigation/route.ts';
import { DeviceLink, ForeignText } from '#console/page/text/foreign-text.ts';
import { count, counted } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';

interface LetterTableProps {
  readonly letters: readonly LetterRow[];
  readonly withDevice?: boolean;
  /** Which are chosen, when they can be. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChoose?: (ids: readonly string[], isChosen: boolean) => void;
}

export function LetterTable({ letters, withDevice = true, chosen, onChoose }: LetterTableProps): VNode {
  const all = chosen !== undefined && letters.every(({ id }) => chosen.has(id));
  return html`
    <div class="table-box" tabindex="0" role="region" aria-label="Dead letters, scrolls">
      <table class="stacks">
        <thead>
          <tr>
            ${
              chosen &&
              html`<th scope="col" class="choose"><input type="checkbox" aria-label="Choose all that are shown" checked=${all} onChange=${() =>
                onChoose?.(
                  letters.map(({ id }) => id),
                  !all,
                )} /></th>`
            }
            <th scope="col">Written</th>
            ${withDevice && html`<th scope="col">Device</th>`}
            <th scope="col">Reason</th>
            <th scope="col">What is wrong</th>
            <th scope="col" class="minor">Type</th>
            <th scope="col" class="number minor">Copies</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          ${letters.map((letter) => html`<${Row} key=${letter.id} letter=${letter} withDevice=${withDevice} isChosen=${chosen?.has(letter.id)} onChoose=${onChoose} />`)}
        </tbody>
      </table>
    </div>
  `;
}

interface RowProps {
  readonly letter: LetterRow;
  readonly withDevice: boolean;
  readonly isChosen: boolean | undefined;
  readonly onChoose: LetterTableProps['onChoose'];
}

function Row({ letter, withDevice, isChosen, onChoose }: RowProps): VNode {
  const { id, at, device, reason, originalReason, detail, schema, source, copies, status } = letter;
  return html`
    <tr>
      ${isChosen !== undefined && html`<td class="choose"><input type="checkbox" aria-label=${`Choose letter ${id}${copies > 1 ? ` and its ${counted(copies - 1, 'copy', 'copies')}` : ''}`} checked=${isChosen} onChange=${() => onChoose?.([id], !isChosen)} /></td>`}
      <td class="nowrap"><a href=${letterHref(id)} aria-label=${`Letter ${id}`}><${Moment} at=${at} /></a></td>
      ${withDevice && html`<td class="named"><${DeviceLink} id=${device} /></td>`}
      <td class="nowrap">${reason}${originalReason !== null && html`<br /><span class="muted">was ${originalReason}</span>`}</td>
      <td class="detail"><a href=${letterHref(id)}><${ForeignText} text=${detail === '' ? id : detail} /></a></td>
      <td class="minor mono named">${schema ? html`<a href=${lettersHref({ schema: oneWord(schema) })} title="Letters of this type"><${ForeignText} text=${schema} /></a>` : html`<${ForeignText} text=${source ?? '–'} />`}</td>
      <td class="number minor">${copies === 1 ? html`<span class="muted">1</span>` : count(copies)}</td>
      <td><${LetterStatusChip} status=${status} /></td>
    </tr>
  `;
}

export function LetterStatusChip({ status }: { status: string }): VNode {
  const kind = status === 'pending' ? 'chip-warn' : status === 'parked' ? 'chip-bad' : '';
  return html`<span class=${`chip ${kind}`}>${status}</span>`;
}
