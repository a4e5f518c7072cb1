import type { VNode } from 'preact';
import type { SchemaList } from '#console/api/schemas.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { schemaHref } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { compact } from '#console/page/text/format.ts';

export function SchemasPage(): VNode {
  const answer = useAnswer<SchemaList>('/schemas');
  return html`
    <div class="page">
      <div class="page-head"><h1>Schemas</h1><p class="muted">What a reading of each type looks like</p></div>
      <${Answered} answer=${answer}>
        ${({ schemas }: SchemaList) =>
          schemas.length === 0
            ? html`<${Empty} title="There is no schema">Every reading is refused as long as there is none; <code>SCHEMA_DIR</code> names a folder of your own.<//>`
            : html`
                <div class="table-box" tabindex="0" role="region" aria-label="Schemas, scrolls">
                  <table>
                    <thead><tr><th scope="col">Type</th><th scope="col">What it is</th><th scope="col" class="number minor">Fields</th><th scope="col" class="number">Readings</th></tr></thead>
                    <tbody>
                      ${schemas.map(
                        ({ name, title, description, fields, appended }) => html`
                          <tr key=${name}>
                            <td class="nowrap"><a class="mono" href=${schemaHref(name)}>${name}</a></td>
                            <td>${title !== null && html`<${ForeignText} text=${title} />`}${description !== null && html`<br /><span class="muted"><${ForeignText} text=${description} /></span>`}</td>
                            <td class="number minor">${fields}</td>
                            <td class="number">${compact(appended)}</td>
                          </tr>
                        `,
                      )}
                    </tbody>
                  </table>
                </div>
              `}
      <//>
    </div>
  `;
}
