import type { VNode } from 'preact';
import type { SchemaStory } from '#console/api/schemas.ts';
import { Answered } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { lettersHref, oneWord, segment } from '#console/page/navigation/route.ts';
import { DeviceLink, ForeignText } from '#console/page/text/foreign-text.ts';
import { fieldValue } from '#console/page/text/format.ts';
import { TryPayload } from './try-payload.ts';

/** A type of readings: its fields, who sends it, and a place to try a payload. */
export function SchemaPage({ name }: { name: string }): VNode {
  const answer = useAnswer<SchemaStory>(`/schemas/${name.split('/').map(segment).join('/')}`);
  return html`
    <div class="page">
      <p class="crumbs"><a href="/schemas">Schemas</a></p>
      <div class="page-head"><h1 class="mono"><${ForeignText} text=${name} /></h1><a href=${lettersHref({ schema: oneWord(name) })}>its dead letters</a></div>
      <${Answered} answer=${answer} rows=${6}>
        ${(schema: SchemaStory) => html`
          ${schema.title !== null && html`<p><strong><${ForeignText} text=${schema.title} /></strong>${schema.description !== null && html`: <${ForeignText} text=${schema.description} />`}</p>`}
          <${Fields} fields=${schema.fields} />
          <section>
            <h2>Try a payload</h2>
            <${TryPayload} path="/schemas/try" topic="devices/dev-1/telemetry" example=${schema.example} />
          </section>
          <section>
            <h2>Who sends it</h2>
            ${
              schema.devices.length === 0
                ? html`<p class="muted">Nobody that was seen here lately.</p>`
                : html`<p class="device-list">${schema.devices.map((id) => html`<${DeviceLink} key=${id} id=${id} />`)}</p>`
            }
          </section>
          <details class="card"><summary>JSON Schema</summary><pre class="payload" tabindex="0" aria-label="JSON Schema">${JSON.stringify(schema.schema, null, 2)}</pre></details>
        `}
      <//>
    </div>
  `;
}

function Fields({ fields }: { fields: SchemaStory['fields'] }): VNode {
  return html`
    <section>
      <h2>Fields</h2>
      <div class="table-box" tabindex="0" role="region" aria-label="Fields, scrolls">
        <table>
          <thead><tr><th scope="col">Field</th><th scope="col">Kind</th><th scope="col">Unit</th><th scope="col">Range</th><th scope="col">Required</th><th scope="col">What it is</th></tr></thead>
          <tbody>
            ${fields.map(
              ({ name, kind, unit, minimum, maximum, required, description }) => html`
                <tr key=${name}>
                  <td class="mono"><${ForeignText} text=${name} /></td>
                  <td>${kind}</td>
                  <td>${unit ?? '–'}</td>
                  <td class="nowrap tabular">${rangeText(minimum, maximum)}</td>
                  <td>${required ? 'yes' : html`<span class="muted">no</span>`}</td>
                  <td>${description !== null && html`<${ForeignText} text=${description} />`}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

function rangeText(minimum: number | null, maximum: number | null): string {
  if (minimum !== null && maximum !== null) return `${fieldValue(minimum)} to ${fieldValue(maximum)}`;
  if (minimum !== null) return `from ${fieldValue(minimum)}`;
  return maximum === null ? 'any' : `up to ${fieldValue(maximum)}`;
}
