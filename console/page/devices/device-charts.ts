import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { DeviceSeries, DeviceStory } from '#console/api/devices.ts';
import type { SchemaStory } from '#console/api/schemas.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { TimeChart } from '#console/page/charts/time-chart.ts';
import { html } from '#console/page/html.ts';
import { navigate } from '#console/page/navigation/navigation.ts';
import { deviceHref, schemaHref, segment, withQuery } from '#console/page/navigation/route.ts';
import { fieldValue } from '#console/page/text/format.ts';

const RANGES: Readonly<Record<string, number>> = { '15m': 15, '1h': 60, '24h': 1_440, '7d': 10_080 };
const MINUTE_MS = 60_000;
const POINTS = 300;
const AGAIN_MS = 10_000;
/** Kinds of fields that a line can show. */
const NUMBERS = new Set(['float', 'integer']);

/** A chart for each field of each type that the device sends. */
export function DeviceCharts({ device, range }: { device: DeviceStory; range: string }): VNode {
  const minutes = RANGES[range] ?? 60;
  return html`
    <section>
      <div class="section-head">
        <h2>Values</h2>
        <div class="choices" role="group" aria-label="Span of time">
          ${Object.keys(RANGES).map(
            (name) =>
              html`<button key=${name} aria-pressed=${RANGES[name] === minutes} onClick=${() => navigate(withQuery(deviceHref(device.id), { range: name }), 'replace')}>${name}</button>`,
          )}
        </div>
      </div>
      ${
        device.schemas.length === 0
          ? html`<${Empty} title="No value of it is in the store" />`
          : device.schemas.map(
              (schema) =>
                html`<${ChartsOfType} key=${schema} id=${device.id} schema=${schema} minutes=${minutes} />`,
            )
      }
    </section>
  `;
}

function ChartsOfType({ id, schema, minutes }: { id: string; schema: string; minutes: number }): VNode {
  const story = useAnswer<SchemaStory>(`/schemas/${schema.split('/').map(segment).join('/')}`);
  return html`
    <h3><a class="mono" href=${schemaHref(schema)}>${schema}</a></h3>
    <div class="charts">
      <${Answered} answer=${story}>
        ${({ fields }: SchemaStory) =>
          fields
            .filter(({ kind }) => NUMBERS.has(kind))
            .map(
              ({ name, unit }) =>
                html`<${FieldChart} key=${name} id=${id} schema=${schema} field=${name} unit=${unit} minutes=${minutes} />`,
            )}
      <//>
    </div>
  `;
}

interface FieldChartProps {
  readonly id: string;
  readonly schema: string;
  readonly field: string;
  readonly unit: string | null;
  readonly minutes: number;
}

function FieldChart({ id, schema, field, unit, minutes }: FieldChartProps): VNode {
  // Since when, not until when: the address stays the same while time goes on.
  const from = useMemo(() => Date.now() - minutes * MINUTE_MS, [minutes]);
  const series = useAnswer<DeviceSeries>(
    withQuery(`/devices/${segment(id)}/series`, { schema, field, from, points: POINTS }),
    AGAIN_MS,
  );
  // The unit of what has none is 1.
  const title = unit === null || unit === '1' ? field : `${field}, ${unit}`;
  return html`
    <${Answered} answer=${series} rows=${3}>
      ${({ times, values, truncated }: DeviceSeries) =>
        times.length === 0
          ? html`<figure class="chart card"><figcaption><span class="chart-title">${title}</span></figcaption><p class="muted">nothing in this span</p></figure>`
          : html`<${TimeChart}
              title=${truncated ? `${title} (the newest)` : title}
              times=${times}
              format=${(value: number | null | undefined) => fieldValue(rounded(value))}
              lines=${[{ name: field, values, colour: '--line-1' }]}
              height=${120}
              fromZero=${false}
            />`}
    <//>
  `;
}

/** Means have more digits than anybody measured. */
function rounded(value: number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value.toPrecision(6));
}
