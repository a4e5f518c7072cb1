import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Column } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { clock, moment } from '#console/page/text/format.ts';
import { rangeAround, withGaps } from './chart-values.ts';

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
  /** What devices measured stands where it stands, and at times of their own: rates and counts begin at nothing, and come evenly. */
  readonly isMeasured?: boolean;
}

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
/** How far apart the marks of time may be, seconds: none closer than the digits that they are written with. */
const MARKS = [
  ...[1, 2, 5, 10, 15, 30].flatMap((of) => [of, of * MINUTE]),
  ...[1, 2, 3, 4, 6, 8, 12].map((of) => of * HOUR),
  ...[1, 2, 5, 10, 30, 90, 365].map((of) => of * DAY),
].sort((a, b) => a - b);

const FEW = 60;
/** As much further down as a person scrolls at once. */
const NEAR = '400px';

/**
 * Values over time, drawn by uPlot once they come near to what is in sight: a device may have hundreds of fields. The newest values
 * stand beside the title, for whoever cannot see the lines, too.
 */
export function TimeChart(props: TimeChartProps): VNode {
  const { title, times, lines, format, height = 150, isWide = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = lines.map(({ name, colour }) => name + colour).join() + title;

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const draw = (): void => {
      chart.current?.destroy();
      const { current } = latest;
      chart.current = new uPlot(optionsOf(current, element.clientWidth, height), columnsOf(current), element);
    };
    const drawAgain = (): void => (chart.current === undefined ? undefined : draw());
    const near = new IntersectionObserver(
      (entries) => {
        if (chart.current === undefined && entries.some(({ isIntersecting }) => isIntersecting)) draw();
      },
      { rootMargin: NEAR },
    );
    near.observe(element);
    addEventListener('beforeprint', draw);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', drawAgain);
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      near.disconnect();
      resized.disconnect();
      removeEventListener('beforeprint', draw);
      scheme.removeEventListener('change', drawAgain);
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
      <div class="chart-place" ref=${place} style=${{ minHeight: `${height}px` }} aria-hidden="true"></div>
    </figure>
  `;
}

function columnsOf({ times, lines, isMeasured = false }: TimeChartProps): uPlot.AlignedData {
  const [line] = lines;
  if (!isMeasured || line === undefined) return [[...times], ...lines.map(({ values }) => [...values])];
  const drawn = withGaps(times, line.values);
  return [[...drawn.times], [...drawn.values]];
}

function optionsOf(
  { lines, format, isMeasured = false }: TimeChartProps,
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
    scales: {
      x: { time: true },
      y: { range: isMeasured ? (_, min, max) => rangeAround(min, max) : fromNothing },
    },
    axes: [
      {
        ...axis,
        size: 26,
        values: (_, at) => at.map((seconds) => axisTime(seconds, at)),
        space: 70,
        incrs: MARKS,
      },
      { ...axis, size: axisWidth, values: (_, at) => at.map((value) => format(value)), space: 34 },
    ],
    series: [
      { label: 'at', value: (_, seconds) => (seconds === null ? '' : clock(seconds * 1000)) },
      ...lines.map(({ name, colour: of }) => ({
        label: name,
        stroke: colour(of),
        width: 1.5,
        points: { show: isMeasured && standAlone, size: 4 },
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

/** Room for what stands beside the axis. */
function axisWidth(_: uPlot, marks: readonly string[] | null): number {
  return Math.max(58, 16 + 6.5 * Math.max(0, ...(marks ?? []).map(({ length }) => length)));
}

/** Few values are points as well: of a single one there is no line. */
function standAlone({ data: [times] }: uPlot): boolean {
  return times.length <= FEW;
}
