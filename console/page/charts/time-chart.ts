import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Column } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { clock, moment } from '#console/page/text/format.ts';

export interface Line {
  readonly name: string;
  readonly values: Column;
  /** Custom property of the style sheet: it differs between dark and light. */
  readonly colour: string;
}

interface TimeChartProps {
  readonly title: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number | null | undefined) => string;
  readonly height?: number;
  /** Across all columns. */
  readonly isWide?: boolean;
  /** Measured values stand where they stand; rates and counts begin at nothing. */
  readonly fromZero?: boolean;
}

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
/** How far apart the marks of time may be, seconds: none closer than the digits that they are written with. */
const MARKS = [
  ...[1, 2, 5, 10, 15, 30].flatMap((of) => [of, of * MINUTE]),
  ...[1, 2, 3, 4, 6, 8, 12].map((of) => of * HOUR),
  ...[1, 2, 5, 10, 30, 90, 365].map((of) => of * DAY),
].sort((a, b) => a - b);

/** Values over time, drawn by uPlot. The newest values stand beside the title, for whoever cannot see the lines, too. */
export function TimeChart(props: TimeChartProps): VNode {
  const { title, times, lines, format, height = 150, isWide = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ name, colour }) => name + colour).join() + title;

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const draw = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsOf(props, element.clientWidth, height), columnsOf(props), element);
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', draw);
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [shape, height]);

  useEffect(() => chart.current?.setData(columnsOf(props)), [times, ...lines.map(({ values }) => values)]);

  return html`
    <figure class=${`chart card ${isWide ? 'chart-wide' : ''}`}>
      <figcaption>
        <span class="chart-title">${title}</span>
        <span class="chart-latest">
          ${lines.map(
            ({ name, values, colour }) => html`
              <span key=${name} class="chart-line"><span class=${`swatch swatch${colour.slice(1)}`} aria-hidden="true"></span>${name} <b>${format(values.findLast((value) => value !== null))}</b></span>
            `,
          )}
        </span>
      </figcaption>
      <div class="chart-place" ref=${place} aria-hidden="true"></div>
    </figure>
  `;
}

function columnsOf({ times, lines }: TimeChartProps): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])];
}

function optionsOf(
  { lines, format, fromZero = true }: TimeChartProps,
  width: number,
  height: number,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width,
    height,
    padding: [8, 30, 0, 0],
    legend: { show: true, live: true },
    cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: fromZero ? fromNothing : around } },
    axes: [
      {
        ...axis,
        size: 26,
        values: (_, at) => at.map((seconds) => axisTime(seconds, at)),
        space: 70,
        incrs: MARKS,
      },
      { ...axis, size: 58, values: (_, at) => at.map((value) => format(value)), space: 34 },
    ],
    series: [
      { label: 'at', value: (_, seconds) => (seconds === null ? '' : clock(seconds * 1000)) },
      ...lines.map(({ name, colour: of }) => ({
        label: name,
        stroke: colour(of),
        width: 1.5,
        points: { show: false },
        value: (_: uPlot, value: number | null) => (value === null ? '' : format(value)),
      })),
    ],
  };
}

/** Marks closer than a minute have their seconds; those of more than a day their day. */
function axisTime(seconds: number, marks: readonly number[]): string {
  const apart = (marks[1] ?? seconds) - (marks[0] ?? seconds);
  if (apart >= DAY) return moment(seconds * 1000, 0).split(',')[0] as string;
  return clock(seconds * 1000).slice(0, apart > 0 && apart < MINUTE ? 8 : 5);
}

function fromNothing(_: uPlot, __: number, max: number | null): [number, number] {
  return [0, max === null || max <= 0 ? 1 : max * 1.1];
}

function around(_: uPlot, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const room = Math.max((max - min) * 0.1, Math.abs(max) * 0.01, 0.1);
  return [min - room, max + room];
}
