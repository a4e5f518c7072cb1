import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { LetterFilter, LettersOverTime } from '#console/api/dead-letters.ts';
import { Answered } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { stackedColumns } from '#console/page/charts/stacked-columns.ts';
import { html } from '#console/page/html.ts';
import { clock, count, counted, duration, moment } from '#console/page/text/format.ts';
import { now } from '#console/page/text/server-clock.ts';
import { lettersPath } from './letter-filter.ts';

const HOUR_MS = 3_600_000;
/** By name, in minutes; where no time is filtered by. */
const SPANS: Readonly<Record<string, number>> = { '1h': 60, '24h': 1_440, '7d': 10_080 };
const HEIGHT = 100;
const WIDTH = 1000;
/** Colours of the style sheet; further reasons are shown together. */
const COLOURS = 6;

/** Letters by reason over time, stacked. */
export function LettersOverTimeChart({ filter, turn }: { filter: LetterFilter; turn: number }): VNode {
  const [span, setSpan] = useState('24h');
  const minutes =
    filter.since === undefined
      ? (SPANS[span] as number)
      : Math.max(60, Math.ceil((now() - filter.since) / HOUR_MS) * 60);
  const answer = useAnswer<LettersOverTime>(lettersPath('/over-time', filter, { minutes }));
  useEffect(() => (turn > 0 ? answer.again() : undefined), [turn]);
  return html`
    <section aria-label="Letters over time">
      ${
        filter.since === undefined &&
        html`
          <div class="choices" role="group" aria-label="Span of time">
            ${Object.keys(SPANS).map((name) => html`<button key=${name} aria-pressed=${name === span} onClick=${() => setSpan(name)}>${name}</button>`)}
          </div>
        `
      }
      <${Answered} answer=${answer} rows=${3}>${(value: LettersOverTime) => html`<${Columns} value=${value} />`}<//>
    </section>
  `;
}

function Columns({ value }: { value: LettersOverTime }): VNode {
  const { times, columns, series, highest } = stackedColumns(value, COLOURS);
  const width = WIDTH / Math.max(1, times.length);
  const seconds = (times[1] ?? 0) - (times[0] ?? 0);
  const step = duration(seconds);
  const from = (times[0] ?? 0) * 1000;
  // A time is the beginning of its column, and the last column is not over.
  const to = Math.min(now(), ((times.at(-1) ?? 0) + seconds) * 1000);
  return html`
    <figure class="chart card">
      <figcaption>
        <span class="chart-title">Letters over time</span>
        <span class="chart-latest">
          ${series.map(({ reason, total }, index) => html`<span key=${reason} class="chart-line"><span class=${`swatch reason-${index + 1}`} aria-hidden="true"></span>${reason} <b>${count(total)}</b></span>`)}
        </span>
      </figcaption>
      <svg class="columns" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${`Letters from ${moment(from, now())} to ${moment(to, now())}, at most ${counted(highest, 'letter')} in ${step}`}>
        <line x1="0" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT} class="columns-ground" />
        ${columns.map((column, place) =>
          column.map(
            ({ series: index, from: low, to: high }) => html`
              <rect key=${`${place} ${index}`} class=${`reason-${index + 1}`} x=${place * width + width * 0.1} width=${width * 0.8} y=${HEIGHT * (1 - high)} height=${HEIGHT * (high - low)} />
            `,
          ),
        )}
      </svg>
      <p class="columns-axis muted"><span>${moment(from, now()).replace(/:\d\d$/, '')}</span><span>at most ${counted(highest, 'letter')} in ${step}</span><span>${clock(to).replace(/:\d\d$/, '')}</span></p>
    </figure>
  `;
}
