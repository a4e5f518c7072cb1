import type { VNode } from 'preact';
import { html } from '#console/page/html.ts';
import { ago, moment, utc } from './format.ts';
import { now as serverNow } from './server-clock.ts';

/** A time in the zone of the viewer; hovering says it in UTC. `null` = an en dash. */
export function Moment({
  at,
  relative = false,
}: {
  at: number | null | undefined;
  relative?: boolean;
}): VNode {
  if (at === null || at === undefined) return html`<span class="muted">${relative ? 'never' : '–'}</span>`;
  const now = serverNow();
  const text = relative ? ago(at, now) : moment(at, now);
  const title = relative ? `${moment(at, now)}\n${utc(at)}` : utc(at);
  return html`<time datetime=${utc(at)} title=${title}>${text}</time>`;
}
