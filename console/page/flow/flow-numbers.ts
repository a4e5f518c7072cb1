import type { ComponentChildren, VNode } from 'preact';
import type { Flow } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { bytes, compact, count, duration, milliseconds } from '#console/page/text/format.ts';

/** Lag that is younger comes and goes. */
const WORTH_A_WORD_S = 10;

/** The numbers that are no rates: who is there, how fast answers are, how far behind the writer is, how full the gateway. */
export function FlowNumbers({ flow }: { flow: Flow }): VNode {
  const { devices, puback, lag, inFlight, deadLetters } = flow;
  return html`
    <dl class="numbers">
      <${Figure} name="Connected devices" value=${count(devices?.connected)} href="/devices?state=connected">
        ${devices && html`${devices.known > 0 ? html`<a href="/devices?state=silent">${count(devices.silent)} silent</a> of ${count(devices.known)} known` : html`no list of those that should be (DEVICE_<wbr />CREDENTIALS_<wbr />FILE)`}${devices.paused > 0 && `, ${count(devices.paused)} slowed`}`}
      <//>
      <${Figure} name="PUBACK, p99" value=${milliseconds(puback.p99Ms)}>median ${milliseconds(puback.p50Ms)}, last minute<//>
      <${Figure} name="Lag" value=${lag === null ? 'not known' : compact(lag.records)}>${lag === null ? 'the lag monitor does not answer' : lagText(lag)}<//>
      <${Figure} name="In flight" value=${count(inFlight?.messages)}>
        ${
          inFlight &&
          html`
            <${Fill} name="messages in flight" value=${inFlight.messages} of=${inFlight.maxMessages} text=${`of ${compact(inFlight.maxMessages)} messages`} />
            <${Fill} name="bytes in flight" value=${inFlight.bytes} of=${inFlight.maxBytes} text=${`${bytes(inFlight.bytes)} of ${bytes(inFlight.maxBytes)}`} />
          `
        }
      <//>
      <${Figure} name="Dead letters waiting" value=${count(deadLetters?.pending)} href="/dead-letters">
        ${deadLetters === null ? 'not counted yet' : deadLetters.pending === 0 ? 'nothing to do' : html`<a href="/dead-letters">see what is wrong</a>`}
      <//>
    </dl>
  `;
}

function lagText({ records, seconds, drainSeconds }: NonNullable<Flow['lag']>): string {
  if (records === 0) return 'records; the writer is up to date';
  const behind = `${records === 1 ? 'record' : 'records, the oldest'} ${duration(seconds)} old`;
  if (drainSeconds === null && seconds < WORTH_A_WORD_S) return behind;
  return drainSeconds === null
    ? `${behind}; it does not shrink`
    : `${behind}; drained in ${duration(drainSeconds)}`;
}

function Figure({
  name,
  value,
  href,
  children,
}: {
  name: string;
  value: string;
  href?: string;
  children?: ComponentChildren;
}): VNode {
  return html`
    <div class="figure">
      <dt>${href === undefined ? name : html`<a href=${href}>${name}</a>`}</dt>
      <dd><span class="figure-value">${value}</span><span class="figure-note">${children}</span></dd>
    </div>
  `;
}

/** How much of a bound is used. */
function Fill({ name, value, of, text }: { name: string; value: number; of: number; text: string }): VNode {
  const used = of > 0 ? Math.min(1, value / of) : 0;
  return html`
    <span class="fill">
      <meter aria-label=${name} min="0" max=${of} low=${of * 0.8} high=${of * 0.95} optimum="0" value=${value}></meter>
      <span class=${used >= 0.8 ? 'warn' : ''}>${text}</span>
    </span>
  `;
}
