import type { VNode } from 'preact';
import type { DeviceStory } from '#console/api/devices.ts';
import { Answered } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { lettersHref, segment } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { count, counted, duration, skew } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';
import { DeviceCharts } from './device-charts.ts';
import { DeviceConnections } from './device-connections.ts';
import { DeviceGaps } from './device-gaps.ts';
import { DeviceLetters } from './device-letters.ts';
import { DeviceReadingsTable } from './device-readings.ts';
import { DeviceState } from './device-table.ts';

const AGAIN_MS = 5_000;

/** One device: what it sends, what was refused of it, when it came and went, what is missing. */
export function DevicePage({ id, query }: { id: string; query: URLSearchParams }): VNode {
  const story = useAnswer<DeviceStory>(`/devices/${segment(id)}`, AGAIN_MS);
  return html`
    <div class="page">
      <p class="crumbs"><a href="/devices">Devices</a></p>
      <div class="page-head">
        <h1 class="mono"><${ForeignText} text=${id} /></h1>
        ${story.value && html`<${DeviceState} device=${story.value} />`}
      </div>
      <${Answered} answer=${story} rows=${6}>
        ${(device: DeviceStory) => html`
          <${DeviceFacts} device=${device} />
          <${DeviceCharts} device=${device} range=${query.get('range') ?? '1h'} />
          <${DeviceReadingsTable} id=${device.id} />
          <${DeviceLetters} id=${device.id} />
          <div class="two-columns">
            <${DeviceConnections} device=${device} />
            <${DeviceGaps} device=${device} />
          </div>
        `}
      <//>
    </div>
  `;
}

function DeviceFacts({ device }: { device: DeviceStory }): VNode {
  const {
    id,
    address,
    protocol,
    via,
    source,
    accepted,
    refused,
    turnedAway,
    clockSkewMs,
    takeovers,
    slowedMs,
  } = device;
  return html`
    <dl class="facts card">
      <div><dt>Last seen</dt><dd><${Moment} at=${device.lastSeenAt} relative /></dd></div>
      <div><dt>Accepted</dt><dd>${count(accepted)}</dd></div>
      <div><dt>Dead letters</dt><dd>${refused === 0 ? '0' : html`<a href=${lettersHref({ device: id })}>${count(refused)}</a> <span class="muted">${words(device.refusedByReason)}</span>`}</dd></div>
      <div><dt>Turned away</dt><dd>${count(turnedAway)} <span class="muted">${words(device.turnedAwayByReason)}</span></dd></div>
      <div><dt>Clock</dt><dd class=${clockSkewMs === null ? '' : 'warn'}>${clockSkewMs === null ? 'nothing was refused for it' : skew(clockSkewMs)}</dd></div>
      <div><dt>Speaks</dt><dd>${protocol === null ? '–' : `MQTT ${protocol}`}${address !== null && html` <span class="muted">from ${address}</span>`}</dd></div>
      ${via !== null && html`<div><dt>Forwarded by</dt><dd><${ForeignText} text=${via} /></dd></div>`}
      ${source !== null && html`<div><dt>Mapping</dt><dd><a href="/mappings"><${ForeignText} text=${source} /></a></dd></div>`}
      ${takeovers > 0 && html`<div><dt>Taken over</dt><dd class="warn">${counted(takeovers, 'time')}: are there two with this id?</dd></div>`}
      ${slowedMs > 0 && html`<div><dt>Slowed for</dt><dd>${duration(slowedMs / 1000)}</dd></div>`}
      ${Object.entries(device.labels).map(([name, value]) => html`<div key=${name}><dt><${ForeignText} text=${name} /></dt><dd><${ForeignText} text=${value} /></dd></div>`)}
    </dl>
  `;
}

/** Of a single reason the number stands there already. */
function words(counts: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(counts);
  if (reasons.length === 1) return reasons[0]?.[0] as string;
  return reasons.map(([reason, times]) => `${reason} ${count(times)}`).join(', ');
}
