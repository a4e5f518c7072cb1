import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DeviceSort, DeviceState, DevicesPage as Devices } from '#console/api/devices.ts';
import { Empty, Failed, Stale, Waiting } from '#console/page/asking/answer-states.ts';
import { usePages } from '#console/page/asking/use-pages.ts';
import { html } from '#console/page/html.ts';
import { navigate } from '#console/page/navigation/navigation.ts';
import { withQuery } from '#console/page/navigation/route.ts';
import { clock, count } from '#console/page/text/format.ts';
import { DeviceTable } from './device-table.ts';

const STATES: readonly { state: DeviceState | ''; name: string }[] = [
  { state: '', name: 'All' },
  { state: 'connected', name: 'Connected' },
  { state: 'silent', name: 'Silent' },
  { state: 'refused', name: 'With dead letters' },
  { state: 'turned-away', name: 'Turned away' },
  { state: 'off-clock', name: 'Wrong clock' },
];
const PAGE_SIZE = 500;
const TYPING_MS = 200;

/** Every device that was seen or is expected: the server searches, sorts and pages, the table draws what is in sight. */
export function DevicesPage({ query }: { query: URLSearchParams }): VNode {
  const wanted = {
    search: query.get('search') ?? '',
    state: query.get('state') ?? '',
    sort: (query.get('sort') ?? 'id') as DeviceSort,
    order: query.get('order') ?? 'asc',
  };
  const pages = usePages<Devices>(withQuery('/devices', { ...wanted, limit: PAGE_SIZE }));
  const show = (change: Partial<Record<keyof typeof wanted, string>>): void =>
    navigate(withQuery('/devices', { ...wanted, ...change }), 'replace');
  const newest = pages.pages[0];
  const devices = pages.pages.flatMap((page) => page.devices);
  const isFailed = pages.failure !== undefined && (newest === undefined || pages.outdated);

  return html`
    <div class="page">
      <div class="page-head">
        <h1>Devices</h1>
        <p class="muted" role="status">
          ${newest && `${count(newest.total)} shown, as of ${clock(pages.at ?? 0)} `}
          <button class="link" onClick=${pages.again}>Refresh</button>
        </p>
      </div>
      <div class="toolbar">
        <${SearchField} value=${wanted.search} onSearch=${(search: string) => show({ search })} />
        <div class="choices" role="group" aria-label="State">
          ${STATES.map(
            ({ state, name }) => html`
              <button key=${state} aria-pressed=${wanted.state === state} onClick=${() => show({ state })}>
                ${name} ${newest && html`<span class="muted">${count(newest.counts[state === '' ? 'all' : state])}</span>`}
              </button>
            `,
          )}
        </div>
      </div>
      ${pages.failure && !isFailed && html`<${Stale} at=${pages.at} failure=${pages.failure} again=${pages.retry} />`}
      ${
        isFailed
          ? html`<${Failed} failure=${pages.failure} again=${pages.retry} />`
          : newest === undefined
            ? html`<${Waiting} rows=${10} />`
            : devices.length === 0
              ? html`<${NoDevices} isFiltered=${wanted.search !== '' || wanted.state !== ''} />`
              : html`
                <${DeviceTable}
                  devices=${devices}
                  total=${newest.total}
                  sort=${wanted.sort}
                  order=${wanted.order}
                  onSort=${(sort: DeviceSort, order: string) => show({ sort, order })}
                  onMore=${pages.more}
                />
              `
      }
    </div>
  `;
}

function SearchField({ value, onSearch }: { value: string; onSearch: (text: string) => void }): VNode {
  const [text, setText] = useState(value);
  const searched = useRef(value);
  useEffect(() => {
    if (text === searched.current) return undefined;
    const timer = setTimeout(() => {
      searched.current = text;
      onSearch(text);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  // Somebody went to another address: what is typed meanwhile is no reason to change it back.
  useEffect(() => {
    if (value === searched.current) return;
    searched.current = value;
    setText(value);
  }, [value]);
  return html`
    <input type="search" class="search" aria-label="Search devices" placeholder="Search by id, address, label, mapping" maxlength="100"
      value=${text} onInput=${(event: InputEvent) => setText((event.target as HTMLInputElement).value)} />
  `;
}

function NoDevices({ isFiltered }: { isFiltered: boolean }): VNode {
  if (isFiltered) return html`<${Empty} title="No device is like this"><a href="/devices">Show all</a><//>`;
  return html`
    <${Empty} title="No device has connected yet">
      <code>mosquitto_pub -q 1 -i dev-1 -t devices/dev-1/telemetry -m …</code> is enough to see one; README has a whole example.
    <//>
  `;
}
