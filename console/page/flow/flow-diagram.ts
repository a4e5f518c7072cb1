import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Flow } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { compact, count, duration, milliseconds, rate } from '#console/page/text/format.ts';
import { type Layout, type Point, type StationName, TALL, WIDE } from './flow-layout.ts';

/** Below this width the stations stand below each other. */
const NARROW = '(max-width: 46rem)';

interface Station {
  readonly title: string;
  readonly lines: readonly string[];
  readonly href: string;
}

/** The way of a reading, as README draws it, with what goes along each part of it now and where it is stuck. */
export function FlowDiagram({ flow }: { flow: Flow }): VNode {
  const layout = useMedia(NARROW) ? TALL : WIDE;
  const stations = stationsOf(flow);
  const { rates } = flow;
  const troubled = troubleOf(flow);
  return html`
    <figure class="diagram">
      <svg viewBox=${`0 0 ${layout.width} ${layout.height}`} role="group" aria-label="The way of a reading">
        <${Edge} path=${layout.edges.received} rate=${rates.received} />
        <${Edge} path=${layout.edges.appended} rate=${rates.appended} />
        <${Edge} path=${layout.edges.consumed} rate=${rates.stored} />
        <${Edge} path=${layout.edges.stored} rate=${rates.stored} />
        <${Edge} path=${layout.edges.malformed} rate=${rates.malformed} bad />
        <${Edge} path=${layout.edges.refused} rate=${rates.refused} bad />
        <${EdgeRate} at=${layout.rates.received} value=${rates.received} name="received" />
        <${EdgeRate} at=${layout.rates.appended} value=${rates.appended} name="appended" />
        <${EdgeRate} at=${layout.rates.stored} value=${rates.stored} name="stored" />
        <${EdgeRate} at=${layout.rates.malformed} value=${rates.malformed} name="malformed" />
        <${EdgeRate} at=${layout.rates.refused} value=${rates.refused} name="refused" />
        ${(Object.keys(stations) as StationName[]).map(
          (name) =>
            html`<${StationBox} key=${name} at=${layout.stations[name]} size=${layout.station} station=${stations[name]} trouble=${troubled.get(name)} />`,
        )}
      </svg>
    </figure>
  `;
}

function stationsOf({
  devices,
  puback,
  inFlight,
  lag,
  books,
  deadLetters,
}: Flow): Record<StationName, Station> {
  return {
    devices: {
      title: 'Devices',
      lines: [
        `${count(devices?.connected)} connected`,
        // Only a credentials file says who should be there.
        ...(devices?.known === 0 ? [] : [`${count(devices?.silent)} silent`]),
      ],
      href: '/devices',
    },
    gateway: {
      title: 'Gateway',
      lines: [`${count(inFlight?.messages)} in flight`, `PUBACK p99 ${milliseconds(puback.p99Ms)}`],
      href: '/devices?sort=accepted&order=desc',
    },
    log: {
      title: 'Event log',
      lines: [
        `${compact(books.gateway?.appended)} appended`,
        lag === null ? 'lag not known' : `${compact(lag.records)} waiting`,
      ],
      href: '/trace',
    },
    writer: {
      title: 'Writer',
      lines:
        lag === null
          ? ['lag not known']
          : lag.records === 0
            ? ['up to date']
            : [`${duration(lag.seconds)} behind`],
      href: '/trace',
    },
    store: { title: 'Store', lines: [`${compact(books.writer?.stored)} stored`], href: '/schemas' },
    letters: {
      title: 'Dead letters',
      lines: [deadLetters === null ? 'not counted' : `${compact(deadLetters.pending)} waiting`],
      href: '/dead-letters',
    },
  };
}

/** Where each problem is seen in the diagram. What is not listed concerns the process as a whole. */
const PLACES: Readonly<Record<string, StationName>> = {
  DevicesGone: 'devices',
  MqttSourceDown: 'devices',
  IngestBackpressure: 'gateway',
  IngestGatewayDown: 'gateway',
  AccountingGap: 'gateway',
  EventLogUnavailable: 'log',
  EventLogDamaged: 'log',
  RetentionAtRisk: 'log',
  RecordsHeldBack: 'log',
  TopicContradictsPromise: 'log',
  ConsumerStalled: 'writer',
  ConsumerLagHigh: 'writer',
  LagMonitorDown: 'writer',
  StoreWritesFailing: 'store',
  DeadLetterRateHigh: 'letters',
  DeadLettersExpiring: 'letters',
  DeadLettersFilling: 'letters',
};

function troubleOf({ problems }: Flow): Map<StationName, 'critical' | 'warning'> {
  const troubles = new Map<StationName, 'critical' | 'warning'>();
  for (const { name, severity } of problems) {
    const place = PLACES[name];
    if (place !== undefined && troubles.get(place) !== 'critical') troubles.set(place, severity);
  }
  return troubles;
}

interface StationBoxProps {
  readonly at: Point;
  readonly size: Layout['station'];
  readonly station: Station;
  readonly trouble: 'critical' | 'warning' | undefined;
}

function StationBox({
  at: [x, y],
  size: { width, height },
  station: { title, lines, href },
  trouble,
}: StationBoxProps): VNode {
  const middle = x + width / 2;
  const label = `${title}: ${lines.join(', ')}${trouble === undefined ? '' : `; ${trouble} problem here`}`;
  return html`
    <a href=${href} class=${`station ${trouble === undefined ? '' : `station-${trouble}`}`} aria-label=${label}>
      <rect x=${x} y=${y} width=${width} height=${height} rx="10" />
      <text x=${middle} y=${y + 26} class="station-title">${title}</text>
      ${lines.map((line, row) => html`<text key=${row} x=${middle} y=${y + 47 + row * 17} class="station-line">${line}</text>`)}
    </a>
  `;
}

/** Moves when something goes along it, faster with more. */
function Edge({
  path,
  rate: value,
  bad = false,
}: {
  path: string;
  rate: number | null;
  bad?: boolean;
}): VNode {
  const speed =
    value === null || value <= 0 ? 'still' : value < 10 ? 'slow' : value < 1_000 ? 'steady' : 'fast';
  return html`
    <g class=${`edge edge-${speed} ${bad ? 'edge-bad' : ''}`} aria-hidden="true">
      <path d=${path} class="edge-line" />
      ${speed === 'still' ? null : html`<path d=${path} class="edge-flow" />`}
    </g>
  `;
}

function EdgeRate({ at: [x, y], value, name }: { at: Point; value: number | null; name: string }): VNode {
  return html`
    <g class="edge-rate">
      <text x=${x} y=${y} class="edge-value">${rate(value)}<tspan class="edge-unit">/s</tspan></text>
      <text x=${x} y=${y + 15} class="edge-name">${name}</text>
    </g>
  `;
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const listener = (): void => setMatches(list.matches);
    list.addEventListener('change', listener);
    return () => list.removeEventListener('change', listener);
  }, [query]);
  return matches;
}
