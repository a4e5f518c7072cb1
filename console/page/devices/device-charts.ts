import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { DeviceCharts as Charts, DeviceStory } from '#console/api/devices.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { TimeChart } from '#console/page/charts/time-chart.ts';
import { html } from '#console/page/html.ts';
import { navigate } from '#console/page/navigation/navigation.ts';
import { deviceHref, schemaHref, segment, withQuery } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { fieldValue } from '#console/page/text/format.ts';

const RANGES: ReadonlyMap<string, number> = new Map([
  ['15m', 15],
  ['1h', 60],
  ['24h', 1_440],
  ['7d', 10_080],
]);
const MINUTE_MS = 60_000;
const POINTS = 300;
const AGAIN_MS = 10_000;
const LAST_AGAIN_MS = 60_000;

/** A chart for each field of each type that the device sends. */
export function DeviceCharts({ device, range }: { device: DeviceStory; range: string }): VNode {
  const minutes = RANGES.get(range) ?? 60;
  // While the store is away the charts stay, and say so themselves.
  const known = useRef(device.schemas);
  if (device.gaps !== null) known.current = device.schemas;
  const schemas = known.current;
  return html`
    <section>
      <div class="section-head">
        <h2>Values</h2>
        <div class="choices" role="group" aria-label="Span of time">
          ${[...RANGES].map(
            ([name, span]) =>
              html`<button key=${name} aria-pressed=${span === minutes} onClick=${() => navigate(withQuery(deviceHref(device.id), { range: name }), 'replace')}>${name}</button>`,
          )}
        </div>
      </div>
      ${
        schemas.length === 0
          ? device.gaps === null
            ? html`<${Empty} title="Not known">The store cannot be asked.<//>`
            : html`<${Empty} title="No value of it is in the store" />`
          : schemas.map(
              (schema) =>
                html`<${ChartsOfType} key=${schema} id=${device.id} schema=${schema} minutes=${minutes} />`,
            )
      }
    </section>
  `;
}

function ChartsOfType({ id, schema, minutes }: { id: string; schema: string; minutes: number }): VNode {
  const charts = useAnswer<Charts>(
    withQuery(`/devices/${segment(id)}/charts`, { schema, minutes, points: POINTS }),
    againAfter(minutes),
  );
  return html`
    <h3><a class="mono" href=${schemaHref(schema)}><${ForeignText} text=${schema} /></a></h3>
    <div class="charts">
      <${Answered} answer=${charts}>
        ${({ fields, truncated }: Charts) =>
          fields.map(
            (field) => html`<${FieldChart} key=${field.field} field=${field} truncated=${truncated} />`,
          )}
      <//>
    </div>
  `;
}

/** No more often than a point more may be seen: what is old of a long span does not change. */
function againAfter(minutes: number): number {
  return Math.min(LAST_AGAIN_MS, Math.max(AGAIN_MS, (minutes * MINUTE_MS) / POINTS));
}

interface FieldChartProps {
  readonly field: Charts['fields'][number];
  readonly truncated: boolean;
}

function FieldChart({ field: { field, unit, times, values }, truncated }: FieldChartProps): VNode {
  // The unit of what has none is 1.
  const name = unit === null || unit === '1' ? field : `${field}, ${unit}`;
  const title = truncated ? `${name} (the newest)` : name;
  if (times.length === 0)
    return html`<figure class="chart card"><figcaption><span class="chart-title">${title}</span></figcaption><p class="muted">${truncated ? 'nothing in the newest part of this span: older readings are not looked at' : 'nothing in this span'}</p></figure>`;
  return html`<${TimeChart}
    title=${title}
    times=${times}
    format=${(value: number | null | undefined) => fieldValue(rounded(value))}
    lines=${[{ name: field, values, colour: '--line-1' }]}
    height=${120}
    isMeasured
  />`;
}

/** Means have more digits than anybody measured. */
function rounded(value: number | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  return Math.abs(value) >= 100_000 ? Math.round(value) : Number(value.toPrecision(6));
}
