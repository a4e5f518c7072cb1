import type { VNode } from 'preact';
import type { DeviceStory } from '#console/api/devices.ts';
import { Empty } from '#console/page/asking/answer-states.ts';
import { html } from '#console/page/html.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { Moment } from '#console/page/text/moment.ts';

const WORDS = { connect: 'connected', disconnect: 'disconnected', refused: 'refused' } as const;
const CHIPS = { connect: 'chip-good', disconnect: '', refused: 'chip-bad' } as const;

export function DeviceConnections({ device: { connections } }: { device: DeviceStory }): VNode {
  return html`
    <section>
      <h2>Connections of the last hour</h2>
      ${
        connections.length === 0
          ? html`<${Empty} title="It neither came nor went" />`
          : html`
              <ol class="events card">
                ${connections.map(
                  ({ at, event, why, address }) => html`
                    <li key=${`${at} ${event}`}>
                      <${Moment} at=${at} />
                      <span class=${`chip ${CHIPS[event]}`}>${WORDS[event]}</span>
                      <span class="muted">${why ?? ''} ${address && html`<${ForeignText} text=${address} />`}</span>
                    </li>
                  `,
                )}
              </ol>
            `
      }
    </section>
  `;
}
