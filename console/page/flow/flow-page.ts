import type { VNode } from 'preact';
import type { Flow } from '#console/api/flow.ts';
import { Waiting } from '#console/page/asking/answer-states.ts';
import type { LiveFlow } from '#console/page/asking/live-flow.ts';
import { html } from '#console/page/html.ts';
import { FlowBooks } from './flow-books.ts';
import { FlowCharts } from './flow-charts.ts';
import { FlowDiagram } from './flow-diagram.ts';
import { FlowNumbers } from './flow-numbers.ts';
import { FlowProblems } from './flow-problems.ts';

export function FlowPage({ live: { flow, live } }: { live: LiveFlow }): VNode {
  return html`
    <div class="page">
      <div class="page-head">
        <h1>Flow</h1>
        ${flow && html`<p class="muted">${modeText(flow)}</p>`}
      </div>
      ${
        flow === undefined
          ? html`<${Waiting} rows=${8} />`
          : html`
              <div class=${live ? '' : 'old-numbers'}>
                <${FlowProblems} flow=${flow} />
                <${FlowDiagram} flow=${flow} />
                <${FlowNumbers} flow=${flow} />
              </div>
            `
      }
      <${FlowCharts} live=${live} />
      ${flow && html`<${FlowBooks} books=${flow.books} />`}
    </div>
  `;
}

function modeText({ mode, targets }: Flow): string {
  if (mode === 'standalone') return 'The whole pipeline in this process';
  const up = targets.filter((target) => target.up).length;
  if (targets.length === 1) return up === 1 ? 'The one process answers' : 'The one process does not answer';
  return `${up} of ${targets.length} processes ${up === 1 ? 'answers' : 'answer'}`;
}
