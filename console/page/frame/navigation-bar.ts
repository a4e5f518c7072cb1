import type { VNode } from 'preact';
import type { LiveFlow } from '#console/page/asking/live-flow.ts';
import { html } from '#console/page/html.ts';
import type { Route } from '#console/page/navigation/route.ts';
import { clock, compact, count, counted } from '#console/page/text/format.ts';

const ENTRIES: readonly { href: string; name: string; pages: readonly Route['page'][] }[] = [
  { href: '/', name: 'Flow', pages: ['flow'] },
  { href: '/devices', name: 'Devices', pages: ['devices', 'device'] },
  { href: '/dead-letters', name: 'Dead letters', pages: ['letters', 'letter'] },
  { href: '/trace', name: 'Trace', pages: ['trace'] },
  { href: '/schemas', name: 'Schemas', pages: ['schemas', 'schema'] },
  { href: '/mappings', name: 'Mappings', pages: ['mappings'] },
];

interface NavigationBarProps {
  readonly route: Route;
  readonly live: LiveFlow;
  /** `undefined` = there is no login to be left. */
  readonly onLogOut: (() => void) | undefined;
}

export function NavigationBar({ route, live, onLogOut }: NavigationBarProps): VNode {
  const { flow } = live;
  const badges: Readonly<Record<string, number | undefined>> = {
    '/': flow?.problems.length,
    '/devices': flow?.devices?.connected,
    '/dead-letters': flow?.deadLetters?.pending,
  };
  return html`
    <header class="bar">
      <a class="brand" href="/"><${Logo} /><span>Telemetry</span></a>
      <nav aria-label="Pages">
        <ul>
          ${ENTRIES.map(
            ({ href, name, pages }) => html`
              <li key=${href}>
                <a href=${href} aria-current=${pages.includes(route.page) ? 'page' : undefined}>
                  <span>${name}</span>
                  ${
                    badges[href]
                      ? html`<span class=${`badge ${href === '/' ? 'badge-bad' : ''}`} aria-label=${badgeLabel(href, badges[href])}>${compact(badges[href])}</span>`
                      : null
                  }
                </a>
              </li>
            `,
          )}
        </ul>
      </nav>
      <div class="bar-end">
        <${Liveness} live=${live} />
        ${onLogOut && html`<button class="quiet" onClick=${onLogOut}>Log out</button>`}
      </div>
    </header>
  `;
}

/** Says when the numbers are old, and that somebody sees to it. */
function Liveness({ live: { flow, live } }: { live: LiveFlow }): VNode {
  const state = live ? 'live' : flow === undefined ? 'connecting' : 'cut';
  const words = {
    live: 'Live',
    connecting: 'Connecting…',
    cut: `Numbers of ${clock(flow?.at ?? 0)}; reconnecting…`,
  };
  return html`<p class=${`liveness liveness-${state}`} role="status"><span class="dot" aria-hidden="true"></span>${words[state]}</p>`;
}

function badgeLabel(href: string, value: number): string {
  if (href === '/') return counted(value, 'problem');
  return `${count(value)} ${href === '/devices' ? 'connected' : 'waiting'}`;
}

function Logo(): VNode {
  return html`
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" class="logo">
      <rect width="32" height="32" rx="8" />
      <path d="M6 16h5l3-8 4 16 3-8h5" />
    </svg>
  `;
}
