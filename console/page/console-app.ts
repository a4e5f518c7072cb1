import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Session } from '#console/api/session.ts';
import { endSession, get, passwordWasShown, whenPasswordIsWanted } from '#console/page/asking/ask-server.ts';
import { followFlow, type LiveFlow } from '#console/page/asking/live-flow.ts';
import { DevicePage } from '#console/page/devices/device-page.ts';
import { DevicesPage } from '#console/page/devices/devices-page.ts';
import { FlowPage } from '#console/page/flow/flow-page.ts';
import { NavigationBar } from '#console/page/frame/navigation-bar.ts';
import { LetterPage } from '#console/page/letters/letter-page.ts';
import { LettersPage } from '#console/page/letters/letters-page.ts';
import { LoginPage } from '#console/page/login/login-page.ts';
import { followLinks, useAddress } from '#console/page/navigation/navigation.ts';
import { type Route, routeOf } from '#console/page/navigation/route.ts';
import { MappingsPage } from '#console/page/schemas/mappings-page.ts';
import { SchemaPage } from '#console/page/schemas/schema-page.ts';
import { SchemasPage } from '#console/page/schemas/schemas-page.ts';
import { visibleText } from '#console/page/text/visible-text.ts';
import { TracePage } from '#console/page/trace/trace-page.ts';
import { html } from './html.ts';

/** The frame around every page: navigation, whether the numbers are live, the login before all when it is wanted. */
export function ConsoleApp(): VNode {
  const { pathname, query } = useAddress();
  const [wantsPassword, setWantsPassword] = useState<'no' | 'again' | 'after-logout'>('no');
  const [live, setLive] = useState<LiveFlow>({ flow: undefined, live: false });
  const [session, setSession] = useState<Session>();
  const main = useRef<HTMLElement>(null);
  const route = routeOf(pathname);
  const isLogin = wantsPassword !== 'no' || route.page === 'login';

  useEffect(() => whenPasswordIsWanted(() => setWantsPassword((was) => (was === 'no' ? 'again' : was))), []);
  useEffect(() => (isLogin ? undefined : followFlow(setLive)), [isLogin]);
  useEffect(() => {
    if (!isLogin) get<Session>('/session').then(setSession, () => undefined);
  }, [isLogin]);
  const logOut = (): void => {
    endSession().then(
      () => setWantsPassword('after-logout'),
      () => undefined,
    );
  };
  useEffect(() => {
    // The browser would let nobody type outside of it.
    if (isLogin) for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  }, [isLogin]);
  useTitleAndFocus(isLogin ? { page: 'login' } : route, pathname, main.current);

  const opened = (): void => {
    setWantsPassword('no');
    passwordWasShown();
  };
  // A login that was over in the middle of something: what was typed until then is there again afterwards.
  const isKept = !isLogin || (wantsPassword === 'again' && route.page !== 'login');
  return html`
    ${isLogin && html`<${LoginPage} onOpen=${opened} />`}
    ${
      isKept &&
      html`
        <div class="frame" onClick=${followLinks} hidden=${isLogin}>
          <a class="skip-link" href="#main">Skip to the content</a>
          <${NavigationBar} route=${route} live=${live} onLogOut=${session?.required ? logOut : undefined} />
          <main id="main" ref=${main} tabindex="-1">${pageOf(route, query, live)}</main>
        </div>
      `
    }
  `;
}

function pageOf(route: Route, query: URLSearchParams, live: LiveFlow): VNode {
  switch (route.page) {
    case 'flow':
      return html`<${FlowPage} live=${live} />`;
    case 'devices':
      return html`<${DevicesPage} query=${query} />`;
    case 'device':
      return html`<${DevicePage} key=${route.id} id=${route.id} query=${query} />`;
    case 'letters':
      return html`<${LettersPage} query=${query} />`;
    case 'letter':
      return html`<${LetterPage} key=${route.id} id=${route.id} />`;
    case 'trace':
      return html`<${TracePage} query=${query} />`;
    case 'schemas':
      return html`<${SchemasPage} />`;
    case 'schema':
      return html`<${SchemaPage} key=${route.id} name=${route.id} query=${query} />`;
    case 'mappings':
      return html`<${MappingsPage} />`;
    default:
      return html`<div class="page"><h1>Nothing is here</h1><p>This address is no page of the console. <a href="/">Go to the flow</a></p></div>`;
  }
}

/** Where one is: for tabs and histories in the title, for screen readers by the focus, which goes to the new page. */
function useTitleAndFocus(route: Route, pathname: string, main: HTMLElement | null): void {
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${titleOf(route)} · Telemetry console`;
    if (!isFirst.current) {
      main?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    isFirst.current = false;
  }, [pathname, route.page]);
}

function titleOf(route: Route): string {
  if ('id' in route) return visibleText(route.id);
  const titles = {
    flow: 'Flow',
    devices: 'Devices',
    letters: 'Dead letters',
    trace: 'Trace',
    schemas: 'Schemas',
    mappings: 'Mappings',
    login: 'Log in',
    nowhere: 'Not found',
  };
  return titles[route.page];
}
