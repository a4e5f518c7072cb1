import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { FlowHistory } from '#console/api/flow.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { TimeChart } from '#console/page/charts/time-chart.ts';
import { html } from '#console/page/html.ts';
import { duration, milliseconds, rate } from '#console/page/text/format.ts';

const AGAIN_MS = 5_000;

/** The last fifteen minutes. */
export function FlowCharts({ live }: { live: boolean }): VNode {
  const history = useAnswer<FlowHistory>('/flow/history', AGAIN_MS);
  // After a cut what was missed meanwhile is wanted at once.
  useEffect(() => (live ? history.again() : undefined), [live]);
  return html`
    <section class="charts" aria-label="The last 15 minutes">
      <${Answered} answer=${history} rows=${6}>
        ${(value: FlowHistory) =>
          value.times.length < 2
            ? html`<${Empty} title="The charts begin in a moment">Fifteen minutes are kept, from the start of this process.<//>`
            : html`
                <${TimeChart}
                  title="Readings a second"
                  isWide
                  times=${value.times}
                  format=${rate}
                  lines=${[
                    { name: 'received', values: value.received, colour: '--line-1' },
                    { name: 'appended', values: value.appended, colour: '--line-2' },
                    { name: 'stored', values: value.stored, colour: '--line-3' },
                  ]}
                />
                <${TimeChart} title="Dead letters a second" times=${value.times} format=${rate} lines=${[{ name: 'dead-lettered', values: value.deadLettered, colour: '--bad' }]} />
                <${TimeChart}
                  title="PUBACK"
                  times=${value.times}
                  format=${milliseconds}
                  lines=${[
                    { name: 'p99', values: value.pubackP99Ms, colour: '--line-1' },
                    { name: 'median', values: value.pubackP50Ms, colour: '--line-3' },
                  ]}
                />
                <${TimeChart} title="Lag, age of the oldest reading" times=${value.times} format=${duration} lines=${[{ name: 'lag', values: value.lagSeconds, colour: '--line-2' }]} />
              `}
      <//>
    </section>
  `;
}
