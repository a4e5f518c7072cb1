import type { VNode } from 'preact';
import type { DeviceStory } from '#console/api/devices.ts';
import { Empty } from '#console/page/asking/answer-states.ts';
import { html } from '#console/page/html.ts';
import { traceHref } from '#console/page/navigation/route.ts';
import { count } from '#console/page/text/format.ts';

const SHOWN = 50;

/** Numbers that are missing between readings of the store: never sent, lost before us, waiting, or dead letters. */
export function DeviceGaps({ device: { id, gaps } }: { device: DeviceStory }): VNode {
  return html`
    <section>
      <h2>Gaps in seq</h2>
      ${
        gaps === null
          ? html`<${Empty} title="Not known">The store cannot be asked.<//>`
          : gaps.length === 0
            ? html`<${Empty} title="None among its newest readings" />`
            : html`
                <table class="card">
                  <thead><tr><th scope="col">Type</th><th scope="col" class="number">Missing</th><th scope="col">From – to</th><th scope="col"><span class="unseen">Trace</span></th></tr></thead>
                  <tbody>
                    ${gaps.slice(0, SHOWN).map(
                      ({ schema, from, to, missing }) => html`
                        <tr key=${`${schema} ${from}`}>
                          <td class="mono">${schema}</td>
                          <td class="number warn">${count(missing)}</td>
                          <td class="tabular">${from === to ? from : `${from} – ${to}`}</td>
                          <td class="row-action"><a href=${traceHref(id, { seq: from })}>Trace</a></td>
                        </tr>
                      `,
                    )}
                  </tbody>
                </table>
                ${gaps.length > SHOWN && html`<p class="muted">and ${count(gaps.length - SHOWN)} more</p>`}
              `
      }
    </section>
  `;
}
