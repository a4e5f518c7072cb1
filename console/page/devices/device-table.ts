import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DeviceRow, DeviceSort } from '#console/api/devices.ts';
import { html } from '#console/page/html.ts';
import { lettersHref } from '#console/page/navigation/route.ts';
import { DeviceLink, ForeignText } from '#console/page/text/foreign-text.ts';
import { count, skew } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';
import { windowOf } from './row-window.ts';

/** As in the style sheet (`--row`). */
const ROW_PX = 42;
/** So far is scrolled until rows are drawn anew; fewer rows than are drawn beyond what is in sight. */
const STEP_PX = 6 * ROW_PX;
/** Rows left below what is in sight when the next page is asked for. */
const AHEAD = 60;

interface DeviceTableProps {
  readonly devices: readonly DeviceRow[];
  readonly total: number;
  readonly sort: DeviceSort;
  readonly order: string;
  readonly onSort: (sort: DeviceSort, order: string) => void;
  readonly onMore: () => void;
}

const COLUMNS: readonly { sort?: DeviceSort; name: string; kind: string }[] = [
  { sort: 'id', name: 'Device', kind: 'id' },
  { name: 'State', kind: 'state' },
  { sort: 'lastSeen', name: 'Last seen', kind: '' },
  { sort: 'accepted', name: 'Accepted', kind: 'number' },
  { sort: 'refused', name: 'Dead letters', kind: 'number' },
  { sort: 'turnedAway', name: 'Turned away', kind: 'number minor' },
  { sort: 'clockSkew', name: 'Clock', kind: 'number minor' },
  { name: 'Speaks', kind: 'minor' },
];

/** Ten thousand rows of which those in sight exist. Scrolling near the end of what is here asks for more. */
export function DeviceTable({ devices, total, sort, order, onSort, onMore }: DeviceTableProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 800 });
  const { first, last } = windowOf(scroll, devices.length, ROW_PX);
  const look = (): void => {
    const { scrollTop, clientHeight } = box.current as HTMLDivElement;
    const top = Math.floor(scrollTop / STEP_PX) * STEP_PX;
    const height = clientHeight + STEP_PX;
    setScroll((before) => (before.top === top && before.height === height ? before : { top, height }));
  };
  useEffect(look, []);
  useEffect(() => {
    if (last + AHEAD >= devices.length && devices.length < total) onMore();
  });

  return html`
    <div class="table-box tall" ref=${box} onScroll=${look} tabindex="0" role="region" aria-label="Devices, scrolls">
      <table aria-rowcount=${total + 1} class="devices">
        <thead>
          <tr>
            ${COLUMNS.map(({ sort: by, name, kind }) => html`<${Head} key=${name} name=${name} kind=${kind} by=${by} sort=${sort} order=${order} onSort=${onSort} />`)}
          </tr>
        </thead>
        <tbody>
          <tr class="spacer" aria-hidden="true" style=${{ height: `${first * ROW_PX}px` }}></tr>
          ${devices.slice(first, last).map((device, index) => html`<${Row} key=${device.id} device=${device} row=${first + index + 2} />`)}
          <tr class="spacer" aria-hidden="true" style=${{ height: `${(devices.length - last) * ROW_PX}px` }}></tr>
        </tbody>
      </table>
    </div>
  `;
}

interface HeadProps {
  readonly name: string;
  readonly kind: string;
  readonly by: DeviceSort | undefined;
  readonly sort: DeviceSort;
  readonly order: string;
  readonly onSort: DeviceTableProps['onSort'];
}

function Head({ name, kind, by, sort, order, onSort }: HeadProps): VNode {
  if (by === undefined) return html`<th scope="col" class=${kind}>${name}</th>`;
  const isSorted = by === sort;
  const turned = isSorted ? (order === 'asc' ? 'desc' : 'asc') : by === 'id' ? 'asc' : 'desc';
  const state = isSorted ? (order === 'asc' ? 'ascending' : 'descending') : undefined;
  return html`
    <th scope="col" class=${kind} aria-sort=${state}>
      <button class="sort" onClick=${() => onSort(by, turned)}>${name}${isSorted && html`<span aria-hidden="true">${order === 'asc' ? ' ↑' : ' ↓'}</span>`}</button>
    </th>
  `;
}

function Row({ device, row }: { device: DeviceRow; row: number }): VNode {
  const { id, lastSeenAt, accepted, refused, refusedByReason, turnedAway, turnedAwayByReason, clockSkewMs } =
    device;
  return html`
    <tr aria-rowindex=${row}>
      <td title=${id}><${DeviceLink} id=${id} /></td>
      <td><${DeviceState} device=${device} /></td>
      <td><${Moment} at=${lastSeenAt} relative /></td>
      <td class="number">${count(accepted)}</td>
      <td class="number" title=${reasons(refusedByReason)}>${refused === 0 ? html`<span class="muted">0</span>` : html`<a href=${lettersHref({ device: id })}>${count(refused)}</a>`}</td>
      <td class="number minor" title=${reasons(turnedAwayByReason)}>${turnedAway === 0 ? html`<span class="muted">0</span>` : count(turnedAway)}</td>
      <td class=${`number minor ${clockSkewMs === null ? 'muted' : 'warn'}`}>${skew(clockSkewMs)}</td>
      <td class="minor"><${Speaks} device=${device} /></td>
    </tr>
  `;
}

/** Whether it is connected, and beside that what is wrong with it: a device may be connected, and silent all the same. */
export function DeviceState({ device }: { device: DeviceRow }): VNode {
  const { connected, lastSeenAt, silentSince, refusedSince } = device;
  const isSilent = silentSince !== null || (!connected && lastSeenAt !== null);
  return html`
    ${connected && html`<span class="chip chip-good">connected</span> `}
    ${!connected && lastSeenAt === null && html`<span class="chip">never seen</span> `}
    ${isSilent && html`<span class=${silentSince === null ? 'chip' : 'chip chip-warn'}>silent</span> `}
    ${refusedSince !== null && html`<span class="chip chip-bad">refused</span>`}
  `;
}

function Speaks({ device: { protocol, source, address } }: { device: DeviceRow }): VNode {
  if (source !== null) return html`<${ForeignText} text=${source} />`;
  return html`<span title=${address ?? ''}>${protocol === null ? '–' : `MQTT ${protocol}`}</span>`;
}

function reasons(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([reason, times]) => `${reason}: ${count(times)}`)
    .join('\n');
}
