import type { VNode } from 'preact';
import { html } from '#console/page/html.ts';
import { deviceHref } from '#console/page/navigation/route.ts';
import { visibleText } from './visible-text.ts';

/** What a stranger wrote, in a line of ours: as text, everything in it visible, and unable to turn what is around it. */
export function ForeignText({ text }: { text: string }): VNode {
  return html`<bdi>${visibleText(text)}</bdi>`;
}

export function DeviceLink({ id }: { id: string }): VNode {
  return html`<a class="mono" href=${deviceHref(id)}><${ForeignText} text=${id} /></a>`;
}
