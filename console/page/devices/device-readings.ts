import type { VNode } from 'preact';
import type { DeviceReadings } from '#console/api/devices.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { schemaHref, segment, traceHref } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { count, fieldValue } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';

const SHOWN = 20;
const AGAIN_MS = 5_000;
/** Values of one reading; the others are in the charts. */
const SHOWN_VALUES = 24;

export function DeviceReadingsTable({ id }: { id: string }): VNode {
  const answer = useAnswer<DeviceReadings>(`/devices/${segment(id)}/readings?limit=${SHOWN}`, AGAIN_MS);
  return html`
    <section>
      <h2>Latest readings</h2>
      <${Answered} answer=${answer}>
        ${({ readings }: DeviceReadings) =>
          readings.length === 0
            ? html`<${Empty} title="No reading of it is in the store">A reading on its way is found by <a href=${traceHref(id, {})}>its trace</a>.<//>`
            : html`
                <div class="table-box" tabindex="0" role="region" aria-label="Latest readings, scrolls">
                  <table>
                    <thead><tr><th scope="col">Time</th><th scope="col" class="number">seq</th><th scope="col">Type</th><th scope="col">Values</th><th scope="col"><span class="unseen">Trace</span></th></tr></thead>
                    <tbody>${readings.map((reading) => html`<${ReadingRow} key=${`${reading.schema} ${reading.ts}`} id=${id} reading=${reading} />`)}</tbody>
                  </table>
                </div>
              `}
      <//>
    </section>
  `;
}

function ReadingRow({ id, reading }: { id: string; reading: DeviceReadings['readings'][number] }): VNode {
  const { schema, ts, seq } = reading;
  const values = Object.entries(reading.values);
  return html`
    <tr>
      <td><${Moment} at=${ts} /></td>
      <td class="number">${seq ?? '–'}</td>
      <td class="nowrap"><a class="mono" href=${schemaHref(schema)}>${schema}</a></td>
      <td class="values">
        ${values.slice(0, SHOWN_VALUES).map(([name, value]) => html`<span key=${name} class="value"><span class="muted">${name}</span> <${ForeignText} text=${fieldValue(value)} /></span>`)}
        ${values.length > SHOWN_VALUES && html`<span class="muted">and ${count(values.length - SHOWN_VALUES)} more</span>`}
      </td>
      <td class="row-action"><a href=${traceHref(id, { seq, at: ts })}>Trace</a></td>
    </tr>
  `;
}
