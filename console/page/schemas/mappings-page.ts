import type { VNode } from 'preact';
import type { MappingList } from '#console/api/schemas.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { TryPayload } from './try-payload.ts';

/** Of Tasmota, whose times have no zone. */
function example(): string {
  return `{"Time":"${new Date().toISOString().slice(0, 19)}","ENERGY":{"Total":3.185,"Power":21}}`;
}

/** How foreign topics and payloads become readings. */
export function MappingsPage(): VNode {
  const answer = useAnswer<MappingList>('/mappings');
  return html`
    <div class="page">
      <div class="page-head"><h1>Mappings</h1><p class="muted">How foreign topics and payloads become readings</p></div>
      <${Answered} answer=${answer}>
        ${({ mappings }: MappingList) =>
          mappings.length === 0
            ? html`<${Empty} title="No mapping is switched on">Foreign topics are acknowledged, thrown away and counted. <code>MAPPINGS=tasmota</code> switches a shipped one on, <code>MAPPING_DIR</code> those of your own.<//>`
            : html`
                <section>
                  <h2>Try a message</h2>
                  <${TryPayload} path="/mappings/try" topic="tele/boiler/SENSOR" example=${example()} />
                </section>
                ${mappings.map((mapping) => html`<${Mapping} key=${mapping.source} mapping=${mapping} />`)}
              `}
      <//>
    </div>
  `;
}

function Mapping({
  mapping: { source, file, description, rules, became },
}: {
  mapping: MappingList['mappings'][number];
}): VNode {
  return html`
    <section>
      <h2><${ForeignText} text=${source} /> <span class="muted mono"><${ForeignText} text=${file} /></span></h2>
      <p class="muted">${became === '' ? 'No message for it was seen yet.' : `Messages so far: ${became}.`}</p>
      ${description !== null && html`<p><${ForeignText} text=${description} /></p>`}
      <div class="table-box" tabindex="0" role="region" aria-label=${`Rules of ${source}, scrolls`}>
        <table>
          <thead><tr><th scope="col">Topic</th><th scope="col">What becomes of it</th></tr></thead>
          <tbody>${rules.map(({ topic, does }, place) => html`<tr key=${place}><td class="mono"><${ForeignText} text=${topic} /></td><td><${ForeignText} text=${does} /></td></tr>`)}</tbody>
        </table>
      </div>
    </section>
  `;
}
